import { closeSync, openSync, writeSync } from 'node:fs';
import { type MigrationStatus, type StepResult, signedProofSchema } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { checkChain, checkDisk, checkGrade, checkSignature } from '../cli/proof.ts';
import { hear } from '../lab/host/inside.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const any = z.any();
let story: Story;
beforeAll(async () => {
  story = await Story.begin({ planner: 2, inventory: 2 });
});
afterAll(() => story?.end());

const defaults = { shutdown: { deadline: '10s', then: 'powerOff' }, targetPower: 'off' };
const warm = (more: object = {}) => ({ type: 'warm', precopy: { interval: '4s' }, defaults, ...more });
const act = (migration: string, verb: string, body?: object) =>
  story.api.send('POST', ['migrations', migration, verb], any, body ? { body } : {});
const passes = async (migration: string) => (await story.status(migration)).vms[0]?.passes ?? [];
const passed = (migration: string, count: number) =>
  story.eventually(async () => (await passes(migration)).filter(({ finished }) => finished).length >= count, 120);

/** Writes into a source's disk as its guest would, at places of its own each time. */
async function writes(vm: string, disk: number, ...offsets: number[]): Promise<void> {
  const { path } = (await story.disks(vm))[disk]!;
  const file = openSync(path, 'r+');
  for (const offset of offsets)
    writeSync(file, Buffer.alloc(100_000, `${vm} ${offset} ${Math.random()}`), 0, 100_000, offset);
  closeSync(file);
}

async function equal(vm: string, target: string, disk: number, size: number): Promise<void> {
  const moved = await digest(await claimFile('apps', `${target}-disk-${disk}`), size);
  expect(moved).toBe(await digest(sourceFile('fast-ds', vm, disk), size));
}

function succeeded({ state, vms }: MigrationStatus) {
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  return vms[0]!;
}
const snapshots = async (vm: string) => (await story.vms()).find(({ name }) => name === vm)?.snapshots;

test('warm - a VM that is written to all the time: three passes while it runs, a cutover by a word, every byte there', async () => {
  // Without the audit, whose reading would hide how little changed.
  const full = { ...defaults, proof: 'full' };
  await story.plan(
    'live',
    [{ name: 'live-01' }],
    warm({ precopy: { interval: '4s', auditPercent: 0 }, defaults: full }),
  );
  const migration = await story.start('live');
  await passed(migration, 1);
  await writes('live-01', 0, 3 * mib, 200 * mib);
  await writes('live-01', 1, 5 * mib);
  await passed(migration, 2);
  await writes('live-01', 0, 3 * mib, 300 * mib);
  await passed(migration, 3);
  expect((await story.vms()).find(({ name }) => name === 'live-01')?.powerState).toBe('poweredOn');
  await writes('live-01', 0, 400 * mib);
  await act(migration, 'cutover');
  const { results, passes: all = [], forecast } = succeeded(await story.finished(migration));
  expect(forecast).toMatchObject({ seconds: expect.any(Number), parts: { delta: expect.any(Number) } });
  const read = all.map(({ readBytes }) => readBytes);
  expect(read[0]).toBeGreaterThanOrEqual(96 * mib);
  for (const bytes of read.slice(1)) expect(bytes).toBeLessThan(8 * mib);
  const { copy } = results as { copy: StepResult<'copy'> };
  expect(copy.disks.map(({ how }) => how)).toEqual(['delta', 'delta']);
  await equal('live-01', 'live-01', 0, gib / 2);
  await equal('live-01', 'live-01', 1, gib / 4);
  const signed = await story.api.get(['migrations', migration, 'vms', 'live-01', 'proof'], signedProofSchema);
  for (const { ok, detail } of [
    ...checkSignature(signed, undefined),
    checkGrade(signed.proof),
    ...checkChain(signed.proof),
  ])
    expect([ok, detail]).toEqual([true, detail]);
  expect(await checkDisk(signed.proof, 0, sourceFile('fast-ds', 'live-01', 0))).toMatchObject({ ok: true });
  expect(await checkDisk(signed.proof, 1, sourceFile('fast-ds', 'live-01', 0))).toMatchObject({ ok: false });
  expect(await story.leftovers()).toEqual([]);
  await story.eventually(async () => (await snapshots('live-01')) === 0);
});

test('warm - cancelled between passes the source runs on, without a snapshot of ours', async () => {
  await story.plan('dropped', [{ name: 'live-02', targetName: 'dropped-01' }], warm());
  const migration = await story.start('dropped');
  await passed(migration, 2);
  await act(migration, 'cancel');
  expect((await story.finished(migration)).state).toBe('cancelled');
  const types = await story.types(migration);
  expect(types).toContain('vm.source-tidied');
  expect(types).not.toContain('vm.powered-off');
  const source = (await story.vms()).find(({ name }) => name === 'live-02');
  expect(source).toMatchObject({ powerState: 'poweredOn', snapshots: 0, changeTracking: false });
  expect(await story.leftovers()).toEqual([]);
});

test('warm - history lost between two passes: all is compared, nothing is copied blindly', async () => {
  await story.plan('reset', [{ name: 'live-02', targetName: 'reset-01' }], warm());
  const migration = await story.start('reset');
  await passed(migration, 1);
  await act(migration, 'pause');
  await writes('live-02', 0, 40 * mib);
  await story.control('/cbt/reset?vm=live-02');
  await act(migration, 'resume');
  await act(migration, 'cutover', { force: true });
  const { results, passes: all = [] } = succeeded(await story.finished(migration));
  const { copy } = results as { copy: StepResult<'copy'> };
  const hows = (await story.timeline(migration))
    .filter(({ type }) => type === 'vm.pass-finished')
    .map(({ data }) => data.disks[0].how);
  expect(hows).toContain('compare');
  expect(copy.disks[0]!.sizeBytes).toBe(gib / 4);
  expect(all.length).toBeGreaterThanOrEqual(2);
  await equal('live-02', 'reset-01', 0, gib / 4);
});

/** What the guest says of the blocks that it wrote: how many are whole, how many are torn. */
async function written(address: string): Promise<{ good: number; torn: number }> {
  const [, good, torn] = (await hear(story.lab, address, 7001, 20)).split(' ').map(Number);
  return { good: good ?? 0, torn: torn ?? -1 };
}
const counter = async (address: string) => Number((await hear(story.lab, address, 7000)).split(' ')[1] ?? 0);

test('warm - a Debian that writes all the time moves by budget; nothing that it wrote is lost or torn', async () => {
  const address = '192.168.76.30';
  await story.power('shop-01', 'on');
  await story.eventually(async () => (await counter(address)) > 0, 240);
  await story.eventually(async () => (await story.vms()).some((vm) => vm.name === 'shop-01' && vm.toolsRunning), 120);
  await hear(story.lab, address, 7002, 1);
  await story.plan('shop', [{ name: 'shop-01' }], {
    ...{ type: 'warm', precopy: { interval: '10s' }, cutover: { mode: 'budget', downtimeBudget: '10m' } },
  });
  const migration = await story.start('shop');
  await passed(migration, 2);
  const before = await counter(address);
  const { results, downtime, passes: all = [], forecast } = succeeded(await story.finished(migration, 500));
  expect(results.powerOff).toMatchObject({ was: 'poweredOn', how: 'guest' });
  expect(all.length).toBeGreaterThanOrEqual(3);
  expect(await counter(address)).toBeGreaterThan(before);
  const { good, torn } = await written(address);
  expect(torn).toBe(0);
  expect(good).toBeGreaterThan(5);
  expect(forecast?.seconds).toBeGreaterThan(0);
  for (const part of ['shutdown', 'delta', 'prove', 'convert', 'handOver', 'boot'] as const)
    expect(downtime?.[part]).toBeGreaterThan(0);
  expect(await story.leftovers()).toEqual([]);
});

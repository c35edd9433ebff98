import { closeSync, openSync, writeSync } from 'node:fs';
import {
  type InspectResult,
  type MigrationStatus,
  migrationSchema,
  rehearsalSchema,
  type StepResult,
  signedProofSchema,
  vmReportSchema,
} from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { checkChain, checkDisk, checkGrade, checkSignature } from '../cli/proof.ts';
import { Asking } from '../lab/host/asking.ts';
import { hear, kill } from '../lab/host/inside.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { bootableBtrfs, unbootable } from './odd-disk.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const any = z.any();
let story: Story;
beforeAll(async () => {
  const planner = { TRANSHIP_RELEASE_AFTER_SECONDS: '12' };
  story = await Story.begin({ planner: 2, inventory: 2 }, { planner });
  // For the last story; it boots meanwhile.
  await story.power('shop-01', 'on');
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
  let file = -1;
  // Its file may be renamed just now: a snapshot that is merged.
  await story.eventually(async () => {
    file = openSync((await story.disks(vm))[disk]!.path, 'r+');
    return true;
  }, 10);
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
  const source = async () => (await story.vms()).find(({ name }) => name === 'live-02');
  // The inventory hears of it a moment after it was done.
  await story.eventually(async () => (await source())?.snapshots === 0, 10);
  expect(await source()).toMatchObject({ powerState: 'poweredOn', changeTracking: false });
  expect(await story.leftovers()).toEqual([]);
});

test('guard - a datastore that fills in the middle of a pass: its snapshot goes, and the VM waits until there is room; then for its window', async () => {
  const hour = (new Date().getUTCHours() + 6) % 24;
  const window = { cron: `30 ${hour} * * *`, for: '1h', timeZone: 'UTC' };
  await story.plan('guarded', [{ name: 'live-02', targetName: 'guarded-01' }], warm({ cutover: { window } }));
  const migration = await story.start('guarded');
  const now = async () => (await story.status(migration)).vms[0]!;
  // The source hangs: the pass would not end before the datastore is full.
  await story.eventually(
    async () => kill(story.lab, 'nbdkit', 'SIGSTOP') > 0 && (await now()).state === 'precopying',
    120,
  );
  await story.eventually(async () => (await snapshots('live-02')) === 1, 10);
  await story.addProvider('vc1', { limits: { minFreeGB: 1_000_000 } });
  await story.happened(migration, 'vm.guarded', 60);
  await story.happened(migration, 'vm.snapshot-removed', 60);
  await story.eventually(async () => (await snapshots('live-02')) === 0);
  expect(await now()).toMatchObject({ state: 'waiting', waits: expect.stringMatching(/^for room: fast-ds has /) });
  expect((await story.types(migration)).filter((type) => type === 'vm.pass-started')).toHaveLength(1);
  await story.addProvider('vc1');
  await story.happened(migration, 'vm.eased', 60);
  await passed(migration, 2);
  await act(migration, 'cutover');
  await story.eventually(async () => /^for the window that opens at /.test((await now()).waits ?? ''), 60);
  expect((await story.vms()).find(({ name }) => name === 'live-02')?.powerState).toBe('poweredOn');
  await act(migration, 'cutover', { force: true });
  succeeded(await story.finished(migration));
  await equal('live-02', 'guarded-01', 0, gib / 4);
  expect(await story.leftovers()).toEqual([]);
  await story.power('live-02', 'on');
});

test('chain - a VM with snapshots of its own, written to while ours are merged: they stay, and the downtime is the same however long merging takes', async () => {
  const seconds: number[] = [];
  for (const merging of [0, 15]) {
    await story.power('chain-01', 'on');
    await story.control('/delays?tasks', { RemoveSnapshot_Task: merging * 1000 });
    try {
      const target = `chain-${merging}`;
      await story.plan(target, [{ name: 'chain-01', targetName: target }], warm());
      const migration = await story.start(target);
      await story.happened(migration, 'vm.proved');
      const asked = Date.now();
      // While its snapshot is merged.
      await writes('chain-01', 0, 20 * mib, 90 * mib);
      await act(migration, 'cutover');
      const { downtime = {}, results } = succeeded(await story.finished(migration));
      const told = await story.timeline(migration);
      const at = (type: string) => Date.parse(told.findLast((each) => each.type === type)!.time);
      expect(at('vm.powered-off') - asked).toBeGreaterThan(merging * 1000 - 2_000);
      expect(at('vm.snapshot-removed')).toBeLessThan(at('vm.powered-off'));
      expect(told.filter(({ type }) => type === 'vm.snapshotted')).toHaveLength(1);
      expect((results as { copy: StepResult<'copy'> }).copy.disks[0]).toMatchObject({ how: 'delta' });
      seconds.push(Object.values(downtime).reduce((sum, each) => sum + each, 0));
      const { path } = (await story.disks('chain-01'))[0]!;
      expect(await digest(await claimFile('apps', `${target}-disk-0`), gib / 8)).toBe(await digest(path, gib / 8));
      await story.eventually(async () => (await snapshots('chain-01')) === 2);
      expect(await story.leftovers()).toEqual([]);
    } finally {
      await story.control('/delays?tasks', {});
    }
  }
  console.log(`  downtime: ${seconds.map((each) => each.toFixed(1)).join(' s and ')} s`);
  expect(Math.abs(seconds[1]! - seconds[0]!)).toBeLessThan(10);
});

test('warm - onto a block volume, its history lost between two passes: all is compared, nothing is copied blindly', async () => {
  const onto = { storageClass: 'block', volumeMode: 'Block', discard: true } as const;
  await story.plan('reset', [{ name: 'live-02', targetName: 'reset-01' }], warm(), onto);
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
  expect(await claimFile('apps', 'reset-01-disk-0')).toMatch(/^\/dev\//);
  await equal('live-02', 'reset-01', 0, gib / 4);
});

test('archive - change tracking that we turned on for a VM that moved is turned off; the plan is not started any more', async () => {
  const [{ id } = { id: '' }] = await story.api.list(['migrations'], migrationSchema, { plan: 'guarded' });
  await story.api.send('POST', ['plans', 'guarded', 'archive'], any);
  const plan = () => story.api.get(['plans', 'guarded'], any);
  await story.eventually(async () => (await plan()).status?.archived !== undefined);
  const told = (await story.timeline(id)).filter(({ type }) => type === 'vm.source-tidied' || type === 'vm.archived');
  expect(told.map(({ data }) => data)).toEqual([{ snapshots: [], tracking: 'off' }, {}]);
  expect((await story.status(id)).state).toBe('succeeded');
  await expect(story.start('guarded')).rejects.toMatchObject({ code: 'plan.archived' });
});

test('warm - between distant passes no workbench stands; it is there again before a pass and before the power-off', async () => {
  await story.power('live-02', 'on');
  await story.plan('rest', [{ name: 'live-02', targetName: 'rest-01' }], warm({ precopy: { interval: '25s' } }));
  const migration = await story.start('rest');
  await story.happened(migration, 'vm.released');
  expect((await story.leftovers()).map((each) => each.split(' ')[0])).toEqual(Array(2).fill('PersistentVolumeClaim'));
  expect((await story.status(migration)).vms[0]).toMatchObject({ state: 'waiting', released: true });
  // Off again since the archive: the inventory learns nothing of it from the lab's vCenter.
  const first = (await story.timeline(migration)).find(({ type }) => type === 'vm.snapshotted');
  expect(first?.data).toMatchObject({ tracking: 'enabled' });
  await writes('live-02', 0, 20 * mib);
  await passed(migration, 2);
  const releases = async () => (await story.types(migration)).filter((type) => type === 'vm.released').length;
  await story.eventually(async () => (await releases()) === 2);
  await writes('live-02', 0, 50 * mib);
  await act(migration, 'cutover');
  const { results } = succeeded(await story.finished(migration));
  expect((results as { copy: StepResult<'copy'> }).copy.disks[0]).toMatchObject({ how: 'delta' });
  const bench = ['vm.prepared', 'vm.inspected', 'vm.released', 'vm.powered-off'];
  expect((await story.types(migration)).filter((type) => bench.includes(type))).toEqual([
    ...['vm.prepared', 'vm.inspected', 'vm.released', 'vm.prepared', 'vm.released', 'vm.prepared'],
    ...['vm.inspected', 'vm.powered-off'],
  ]);
  await equal('live-02', 'rest-01', 0, gib / 4);
  expect(await story.leftovers()).toEqual([]);
});

test('inspection - a guest that cannot be converted fails with the reason, its source never stopped; archived, nothing is left of it', async () => {
  const { path } = (await story.disks('live-02'))[0]!;
  bootableBtrfs(path);
  const cutover = { mode: 'budget', downtimeBudget: '1h' };
  await story.plan('odd', [{ name: 'live-02', targetName: 'odd-01' }], warm({ cutover }));
  await story.power('live-02', 'on');
  const source = async () => (await story.vms()).find(({ name }) => name === 'live-02');
  const before = await source();
  const migration = await story.start('odd');
  const { state, vms } = await story.finished(migration);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({ code: 'guest.btrfs-unsupported', fix: expect.any(String) });
  const types = await story.types(migration);
  expect(types).toContain('vm.inspected');
  expect(types).not.toContain('vm.powered-off');
  await story.eventually(async () => (await snapshots('live-02')) === 0);
  // Mended, it is tried again from its copy, and by what changed since.
  expect(vms[0]).toMatchObject({ kept: true });
  expect(await source()).toMatchObject({ powerState: 'poweredOn', snapshots: 0 });
  await story.api.send('POST', ['plans', 'odd', 'archive'], any);
  await story.eventually(async () => (await story.leftovers()).length === 0, 60);
  expect(await source()).toEqual(before);
});

test('retry - a conversion that failed costs no copied byte: the copy is kept, and only what differs is written again', async () => {
  const { path } = (await story.disks('data-02'))[0]!;
  bootableBtrfs(path);
  await story.plan('mended', [{ name: 'data-02', targetName: 'mended-01' }]);
  const migration = await story.start('mended');
  const failed = await story.finished(migration);
  expect(failed.vms[0]).toMatchObject({ state: 'failed', kept: true, error: { code: 'guest.btrfs-unsupported' } });
  expect((await story.leftovers()).map((each) => each.split(' ')[0])).toEqual(Array(2).fill('PersistentVolumeClaim'));
  unbootable(path);
  await act(migration, 'retry');
  const { results } = succeeded(await story.finished(migration));
  const [disk] = (results as { copy: StepResult<'copy'> }).copy.disks;
  expect(disk?.how).toBe('compare');
  expect(disk?.writtenBytes).toBeLessThanOrEqual(mib);
  await equal('data-02', 'mended-01', 0, gib / 4);
  expect(await story.leftovers()).toEqual([]);
});

/** What the guest says of the last 48 blocks that it wrote: how many are whole, torn, not there. */
async function written(address: string): Promise<{ last: number; good: number; torn: number; missing: number }> {
  const [, ...told] = (await hear(story.lab, address, 7001, 30)).split(' ').map(Number);
  const [last = 0, good = 0, torn = -1, missing = -1] = told;
  return { last, good, torn, missing };
}
const counter = async (address: string) => Number((await hear(story.lab, address, 7000)).split(' ')[1] ?? 0);

test('warm - a Debian that writes all the time, its snapshots merged slowly, is rehearsed and moves by budget; nothing of what it said is lost or torn, and the downtime is the one seen from outside', async () => {
  const address = '192.168.76.30';
  await story.eventually(async () => (await counter(address)) > 0, 240);
  await story.eventually(async () => (await story.vms()).some((vm) => vm.name === 'shop-01' && vm.toolsRunning), 120);
  await hear(story.lab, address, 7002, 1);
  await story.plan('shop', [{ name: 'shop-01' }], {
    ...{ type: 'warm', precopy: { interval: '10s' }, cutover: { mode: 'budget', downtimeBudget: '10m' } },
    defaults: { rehearse: 'required' },
  });
  await story.control('/delays?tasks', { RemoveSnapshot_Task: 8_000 });
  const asking = new Asking(story.lab, address, 7000);
  try {
    const migration = await story.start('shop');
    await story.happened(migration, 'vm.rehearsed', 600);
    const rehearsal = await story.api.get(['migrations', migration, 'vms', 'shop-01', 'rehearsal'], rehearsalSchema);
    expect(rehearsal).toMatchObject({ pass: 1, passed: true, boot: { mark: 'agent', failedUnits: [] } });
    expect(rehearsal.boot?.nics).toMatchObject([
      { name: 'ens192', addresses: expect.arrayContaining([`${address}/24`]), missing: [] },
    ]);
    const said = await story.api.request('GET', ['migrations', migration, 'vms', 'shop-01', 'rehearsal', 'console']);
    expect(await said.text()).toContain('MARK end');
    expect(await story.types(migration)).not.toContain('vm.powered-off');
    await passed(migration, 2);
    const vm = succeeded(await story.finished(migration, 500));
    const { results, downtime: parts, passes: all = [], forecast } = vm;
    await story.eventually(async () => asking.answers.at(-1)!.at > Date.now() - 5_000, 60);
    expect(results.inspect).toMatchObject({ supported: true, engine: 'direct', os: { id: 'debian' } });
    const told = (await story.timeline(migration)).find(({ type }) => type === 'vm.inspected')!.data as InspectResult;
    expect(told.changes.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/etc/systemd/network/10-tranship-ens192.link']),
    );
    expect(results.powerOff).toMatchObject({ was: 'poweredOn', how: 'guest' });
    expect(all.length).toBeGreaterThanOrEqual(3);
    for (const part of ['shutdown', 'delta', 'prove', 'convert', 'handOver', 'boot'] as const)
      expect(parts?.[part]).toBeGreaterThan(0);
    expect(forecast?.seconds).toBeGreaterThan(0);

    // The source's last answer, and the target's first: the counter goes on by one.
    const { last, first } = asking.silence()!;
    expect(Number(first.words[1])).toBe(Number(last.words[1]) + 1);
    const counted = asking.answers.map(({ words }) => Number(words[1]));
    expect(counted).toEqual(counted.map((_, i) => counted[0]! + i));
    const blocks = await written(address);
    expect(blocks).toMatchObject({ good: Math.min(48, blocks.last), torn: 0, missing: 0 });
    expect(blocks.last).toBeGreaterThanOrEqual(Number(last.words[2]));
    expect(blocks.last).toBe(Number(first.words[2]));

    const report = await story.api.get(['migrations', migration, 'vms', 'shop-01', 'report'], vmReportSchema);
    const seen = (first.at - last.at) / 1000;
    console.log(`  downtime: ${seen.toFixed(1)} s seen from outside, ${report.downtime?.seconds} s in the report`);
    expect(Math.abs(seen - report.downtime!.seconds)).toBeLessThan(10);
    expect(await story.leftovers()).toEqual([]);
  } finally {
    await story.control('/delays?tasks', {});
    await asking.stop();
  }
}, 1_800_000);

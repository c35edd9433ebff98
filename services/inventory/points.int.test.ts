import { closeSync, openSync, writeSync } from 'node:fs';
import type { Provider, StepInput } from '@tranship/contracts';
import { createLogger, type StepContext, systemClock } from '@tranship/service-kit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type VCenter as Simulator, startVCenter } from '../../lab/testing/vcenter.ts';
import { VCenter } from './adapters/vcenter.ts';
import { findChanges, snapshot } from './handlers/points.ts';
import { checkOff } from './handlers/power.ts';
import { removeSnapshot, tidySource } from './handlers/tidy.ts';

const mib = 1024 * 1024;
const leaf = 64 * 1024;
let simulator: Simulator;
let center: VCenter;
const stop = new AbortController();
const gib = 1024 ** 3;
/** As the provider's document gives it; what is changed here counts at once. */
const limits = { minFreeGB: 20 };
const kept = new Map<string, [number, number][]>();
const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  signal: new AbortController().signal,
  log: createLogger('inventory', 'silent'),
  clock: systemClock,
  begun: false,
  progress: () => {},
};
const world = {
  find: () => center,
  keep: async (text: string) => {
    kept.set(`object-${kept.size}`, JSON.parse(text));
    return `object-${kept.size - 1}`;
  },
};

beforeAll(async () => {
  const disks = [{ sizeGB: 0.0625, fill: 'pattern:4MB' }, { sizeGB: 0.03125 }];
  const small = ['busy', 'foreign', 'reverted', 'grown', 'undone', 'stale', 'briefly', 'narrow'].map((name) => ({
    name,
    power: 'on',
    disks,
  }));
  const many = { name: 'many', power: 'on', disks: [{ sizeGB: 0.5 }] };
  simulator = await startVCenter({ vms: [...small, many] });
  const { url, thumbprint, username, password } = simulator;
  const provider = {
    metadata: { name: 'vc' },
    spec: { type: 'vsphere', url, tls: { thumbprint }, credentials: { secret: 'vc' }, limits },
  } as unknown as Provider;
  center = new VCenter(provider, async () => ({ username, password }), systemClock);
  const caughtUp = Promise.withResolvers<void>();
  void center.follow(stop.signal, caughtUp.resolve).catch(caughtUp.reject);
  await caughtUp.promise;
});
afterAll(async () => {
  stop.abort();
  await center?.client.close();
  await simulator?.stop();
});

interface Listed {
  readonly vm: string;
  readonly id: string;
  readonly path: string;
  readonly key: number;
  readonly capacity: number;
}
const control = (path: string) => fetch(`${simulator.control}${path}`, { method: 'POST' });
const listed = async (vm: string) =>
  ((await (await fetch(`${simulator.control}/disks`)).json()) as Listed[]).filter((each) => each.vm === vm);

/** The guest writes, where its disk lies just now. */
async function writes(vm: string, offsets: number | readonly number[], disk = 0): Promise<void> {
  const file = openSync((await listed(vm))[disk]!.path, 'r+');
  for (const offset of [offsets].flat()) writeSync(file, `${offset}-${Math.random()}`, offset);
  closeSync(file);
}

const source = async (vm: string) => {
  const disks = await listed(vm);
  const ids = { migration: 'm', vm: disks[0]!.id, provider: 'vc' };
  return { ids, disks: disks.map(({ key, capacity }) => ({ key, sizeBytes: capacity })) };
};

/** One pass: the snapshot, and its removal. `last` is what the pass before found. */
async function pass(vm: string, n: number, last?: Awaited<ReturnType<typeof snapshot>>) {
  const name = `tranship-m-${vm}-${n}`;
  const { ids } = await source(vm);
  const found = await snapshot(world, { ...ids, name, ...(await since(vm, last)) }, context);
  await removeSnapshot(world.find, { ...ids, name }, context);
  return found;
}
async function since(
  vm: string,
  last?: Pick<StepInput<'findChanges'>, 'foreign'> & { disks: { key: number; changeId?: string | undefined }[] },
) {
  const { disks } = await source(vm);
  const known = disks.map((disk) => {
    const changeId = last?.disks.find(({ key }) => key === disk.key)?.changeId;
    return { ...disk, ...(changeId === undefined ? {} : { changeId }) };
  });
  return { disks: known, ...(last ? { foreign: last.foreign } : {}) };
}
const areas = (found: { disks: { areas?: string | undefined }[] }, disk = 0) =>
  kept.get(found.disks[disk]!.areas ?? '');
const snapshots = async (vm: string) => (await center.look((await source(vm)).ids.vm)).snapshots;

test('pass - tracking is turned on, each pass finds just what the guest wrote since the one before, and the final one without a snapshot', async () => {
  const first = await pass('busy', 1);
  expect(first).toMatchObject({ tracking: 'enabled', foreign: [] });
  expect(first.disks[0]!.changeId).toMatch(/\/\d+$/);
  expect(areas(first)).toBeUndefined();
  await writes('busy', 8 * mib);
  await writes('busy', 3 * mib, 1);
  const second = await pass('busy', 2, first);
  expect(second.tracking).toBe('on');
  expect([areas(second, 0), areas(second, 1)]).toEqual([[[8 * mib, leaf]], [[3 * mib, leaf]]]);
  expect(second.disks[0]!.changedBytes).toBe(leaf);
  await writes('busy', 9 * mib);
  const { ids } = await source('busy');
  await expect(findChanges(world, { ...ids, ...(await since('busy', second)) }, context)).rejects.toMatchObject({
    code: 'source.contested',
  });
  await center.powerOff(ids.vm);
  const last = await findChanges(world, { ...ids, ...(await since('busy', second)) }, context);
  expect(areas(last)).toEqual([[9 * mib, leaf]]);
  expect(await snapshots('busy')).toEqual([]);
});

test('pass - more areas than one answer holds are asked for to the end', async () => {
  const first = await pass('many', 1);
  const wrote = Array.from({ length: 2_100 }, (_, i) => i * 2 * leaf);
  await writes('many', wrote);
  const second = await pass('many', 2, first);
  expect(areas(second)!.map(([offset]) => offset)).toEqual(wrote);
});

test('pass - asked again, it finds the snapshot that it took, and takes no other', async () => {
  const { ids } = await source('stale');
  const input = { ...ids, name: 'tranship-m-stale-1', ...(await since('stale')) };
  const first = await snapshot(world, input, context);
  const again = await snapshot(world, input, { ...context, begun: true });
  expect(again).toMatchObject({ snapshot: first.snapshot, disks: first.disks });
  expect(await snapshots('stale')).toHaveLength(1);
  await removeSnapshot(world.find, { ...ids, name: input.name }, context);
  await removeSnapshot(world.find, { ...ids, name: input.name }, context);
  expect(await snapshots('stale')).toEqual([]);
});

test('history - a snapshot that somebody else took in between is told, and all is compared', async () => {
  const first = await pass('foreign', 1);
  const { ids } = await source('foreign');
  await center.createSnapshot(ids.vm, 'nightly backup', context.signal);
  const second = await pass('foreign', 2, first);
  expect(second.disks[0]).toMatchObject({ lost: expect.stringContaining('snapshots of others were taken') });
  expect(areas(second)).toBeUndefined();
  const third = await pass('foreign', 3, second);
  expect(third.disks[0]!.lost).toBeUndefined();
  expect((await snapshots('foreign')).map(({ name }) => name)).toEqual(['nightly backup']);
});

test('history - change tracking that was reset is told, and all is compared', async () => {
  const first = await pass('reverted', 1);
  await control('/cbt/reset?vm=reverted');
  const second = await pass('reverted', 2, first);
  expect(second.disks[0]).toMatchObject({ lost: 'change tracking was reset' });
});

test('history - a disk that is not what the plan says stops the migration', async () => {
  const { ids, disks } = await source('grown');
  const grown = disks.map((disk) => ({ ...disk, sizeBytes: disk.sizeBytes - mib }));
  await expect(snapshot(world, { ...ids, name: 'n', disks: grown }, context)).rejects.toMatchObject({
    code: 'source.changed',
    detail: expect.stringContaining('bytes, not'),
  });
  await expect(snapshot(world, { ...ids, name: 'n', disks: disks.slice(1) }, context)).rejects.toMatchObject({
    detail: expect.stringContaining('was added'),
  });
  expect(await snapshots('grown')).toEqual([]);
});

test('room - read now, also where vCenter cannot refresh it; a snapshot that finds too little is not taken', async () => {
  const { ids } = await source('narrow');
  const room = async () => (await center.rooms([ids.vm]))[0]!;
  const { freeBytes } = await room();
  expect(await room()).toMatchObject({ vm: ids.vm, datastore: 'fast-ds', needBytes: 20 * gib });
  const fault = JSON.stringify({ Method: 'RefreshDatastore', Fault: 'HostConfigFault' });
  await fetch(`${simulator.control}/faults`, { method: 'POST', body: fault });
  expect(await room()).toMatchObject({ freeBytes });
  await fetch(`${simulator.control}/faults`, { method: 'DELETE' });
  const input = { ...ids, name: 'tranship-m-narrow-1', ...(await since('narrow')) };
  limits.minFreeGB = Math.ceil(freeBytes / gib) + 1;
  await expect(snapshot(world, input, context)).rejects.toMatchObject({
    ...{ code: 'source.low-space', retry: false },
    detail: expect.stringMatching(/^fast-ds has \d+(\.\d)? GiB free, less than/),
  });
  expect(await snapshots('narrow')).toEqual([]);
  limits.minFreeGB = 20;
  await snapshot(world, input, context);
  await removeSnapshot(world.find, { ...ids, name: input.name }, context);
});

test('check - a source that ran between the final pass and the start is contested, whoever stopped it again', async () => {
  const { ids } = await source('briefly');
  await center.powerOff(ids.vm);
  const { lastStart } = await findChanges(world, { ...ids, ...(await since('briefly')) }, context);
  expect(lastStart).toEqual(expect.any(Number));
  const check = () => checkOff(world.find, { ...ids, lastStart }, context);
  expect(await check()).toMatchObject({ powerState: 'poweredOff' });
  await control('/power/on?vm=briefly');
  await expect(check()).rejects.toMatchObject({ detail: expect.stringContaining('is poweredOn') });
  await center.powerOff(ids.vm);
  await expect(check()).rejects.toMatchObject({
    code: 'source.contested',
    detail: expect.stringMatching(/ran since the final pass: .* started it at 20\d\d-/),
  });
});

test('undo - snapshots of ours go, those of others stay, and tracking is as it was', async () => {
  const { ids } = await source('undone');
  await center.createSnapshot(ids.vm, 'mine', context.signal);
  await snapshot(world, { ...ids, name: 'tranship-m-undone-1', ...(await since('undone')) }, context);
  const input = { ...ids, prefix: 'tranship-m-undone-' };
  expect(await tidySource(world.find, { ...input, tracking: 'keep' }, context)).toEqual({
    snapshots: ['tranship-m-undone-1'],
    tracking: 'kept',
  });
  expect((await center.look(ids.vm)).tracking).toBe(true);
  expect(await tidySource(world.find, { ...input, tracking: 'off' }, context)).toEqual({
    snapshots: [],
    tracking: 'off',
  });
  expect(await center.look(ids.vm)).toMatchObject({ tracking: false, consolidationNeeded: false });
  expect((await snapshots('undone')).map(({ name }) => name)).toEqual(['mine']);
});

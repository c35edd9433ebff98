import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Provider, StepInput } from '@tranship/contracts';
import { createLogger, type Logger, type StepContext, systemClock } from '@tranship/service-kit';
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
const limits = { minFreeGB: 20, maxLatencyMs: 40 };
/** What a person is warned of. */
const warned: object[] = [];
const log: Logger = Object.assign(createLogger('inventory', 'silent'), {
  warn: (fields: object) => void warned.push(fields),
});
const kept = new Map<string, [number, number][]>();
const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  signal: new AbortController().signal,
  log,
  clock: systemClock,
  begun: false,
  progress: () => {},
  moved: () => {},
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
  const small = [
    ...['busy', 'foreign', 'reset', 'changed', 'undone', 'stale', 'briefly', 'narrow'],
    ...['rewound', 'unnoticed', 'newer', 'mute', 'gappy', 'windows', 'plain', 'unmerged'],
  ].map((name) => ({ name, power: 'on', disks }));
  const many = { name: 'many', power: 'on', disks: [{ sizeGB: 0.5 }] };
  simulator = await startVCenter({ vms: [...small, many] });
  const { url, thumbprint, username, password } = simulator;
  const provider = {
    metadata: { name: 'vc' },
    spec: { type: 'vsphere', url, tls: { thumbprint }, credentials: { secret: 'vc' }, limits },
  } as unknown as Provider;
  center = new VCenter(provider, async () => ({ username, password }), systemClock, log);
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
  readonly snapshot?: string;
}
const control = async (path: string, method = 'POST', body?: object) => {
  const answer = await fetch(`${simulator.control}${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
};
const listed = async (vm: string) =>
  ((await (await fetch(`${simulator.control}/disks`)).json()) as Listed[]).filter(
    (each) => each.vm === vm && each.snapshot === undefined,
  );

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

test('pass - change tracking that vCenter does not turn on is told with its reason; passes go on, and compare', async () => {
  const fault = JSON.stringify({ Method: 'ReconfigVM_Task', Fault: 'NotSupported' });
  await fetch(`${simulator.control}/faults`, { method: 'POST', body: fault });
  const first = await pass('plain', 1).finally(() => fetch(`${simulator.control}/faults`, { method: 'DELETE' }));
  expect(first).toMatchObject({ tracking: 'off', untracked: expect.stringContaining('NotSupported') });
  expect(first.disks[0]).not.toHaveProperty('changeId');
});

test('pass - more areas than one answer holds are asked for to the end', async () => {
  const first = await pass('many', 1);
  const wrote = Array.from({ length: 2_100 }, (_, i) => i * 2 * leaf);
  await writes('many', wrote);
  const second = await pass('many', 2, first);
  expect(areas(second)!.map(([offset]) => offset)).toEqual(wrote);
});

test('pass - answers that end early, some of them empty, are asked on: a window in which nothing changed is no end', async () => {
  const first = await pass('windows', 1);
  const wrote = [2 * mib, 31 * mib, 63 * mib];
  await writes('windows', wrote);
  await control(`/cbt/lie?vm=windows&window=${mib}`);
  const second = await pass('windows', 2, first);
  expect(areas(second)).toEqual(wrote.map((offset) => [offset, leaf]));
  expect(areas(second, 1)).toEqual([]);
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
  const first = await pass('reset', 1);
  await control('/cbt/reset?vm=reset');
  const second = await pass('reset', 2, first);
  expect(second.disks[0]).toMatchObject({ lost: 'change tracking was reset' });
});

/** Two passes, with a snapshot of somebody else that stays before the second of them. */
async function withBackup(vm: string) {
  const first = await pass(vm, 1);
  await center.createSnapshot((await source(vm)).ids.vm, 'backup', context.signal);
  const second = await pass(vm, 2, first);
  expect(second.disks[0]!.lost).toContain('snapshots of others were taken');
  return second;
}

test('history - a VM that was reverted to somebody’s snapshot, which stays: its tracking begins anew, and all is compared', async () => {
  const second = await withBackup('rewound');
  await writes('rewound', 5 * mib);
  await control('/revert?vm=rewound&snapshot=backup');
  const third = await pass('rewound', 3, second);
  expect(third.disks[0]).toMatchObject({ lost: 'change tracking was reset' });
  await control('/power/on?vm=rewound');
  await writes('rewound', 6 * mib);
  const fourth = await pass('rewound', 4, third);
  expect(fourth.disks[0]!.lost ?? areas(fourth)).toEqual([[6 * mib, leaf]]);
});

test('history - a snapshot and a revert by vCenter’s newer calls keep the bytes and the tracking’s rules as well', async () => {
  const bytes = async () => readFileSync((await listed('newer'))[0]!.path);
  const first = await pass('newer', 1);
  await control('/snapshot?vm=newer&name=backup');
  const then = await bytes();
  await writes('newer', 5 * mib);
  const second = await pass('newer', 2, first);
  expect(second.disks[0]!.lost).toContain('snapshots of others were taken');
  expect(second.disks[0]!.changeId).not.toBe(first.disks[0]!.changeId);
  expect((await bytes()).equals(then)).toBe(false);
  await control('/revert?vm=newer');
  expect((await bytes()).equals(then)).toBe(true);
  const third = await pass('newer', 3, second);
  expect(third.disks[0]).toMatchObject({ lost: 'change tracking was reset' });
});

test('history - tracking that does not notice a revert: its number does not go on, or falls, and all is compared', async () => {
  await control('/cbt/lie?vm=unnoticed&revert');
  const second = await withBackup('unnoticed');
  await control('/revert?vm=unnoticed&snapshot=backup');
  const third = await pass('unnoticed', 3, second);
  expect(third.disks[0]).toMatchObject({ lost: 'the changeId did not go on: the VM was reverted' });
  expect(third.disks[0]!.changeId).toBe(second.disks[0]!.changeId);
  const fourth = await pass('unnoticed', 4, third);
  expect(fourth.disks[0]!.lost).toBeUndefined();
  await control('/revert?vm=unnoticed&snapshot=backup');
  const fifth = await pass('unnoticed', 5, fourth);
  expect(fifth.disks[0]).toMatchObject({ lost: 'the changeId went back: the VM was reverted' });
});

test('history - a fault of QueryChangedDiskAreas is told, and all is compared; the next pass asks again', async () => {
  const first = await pass('mute', 1);
  await control('/faults', 'POST', { Method: 'QueryChangedDiskAreas', Fault: 'FileFault' });
  const second = await pass('mute', 2, first);
  await control('/faults', 'DELETE');
  for (const disk of second.disks) expect(disk.lost).toContain('FileFault');
  await writes('mute', 7 * mib);
  const third = await pass('mute', 3, second);
  expect(areas(third)).toEqual([[7 * mib, leaf]]);
});

test('history - an answer that begins further on than asked leaves a gap: it is told, and all is compared', async () => {
  const first = await pass('gappy', 1);
  await writes('gappy', 0);
  await control(`/cbt/lie?vm=gappy&skip=${mib}`);
  const second = await pass('gappy', 2, first);
  expect(second.disks[0]!.lost).toBe(`QueryChangedDiskAreas was asked from 0 on and answers from ${mib} on`);
  expect(second.disks[0]!.areas).toBeUndefined();
});

test('history - a disk that somebody grew, shrank, added or took away stops the migration, without a snapshot of ours', async () => {
  const first = await pass('changed', 1);
  const { ids, disks } = await source('changed');
  const input = { ...ids, name: 'tranship-m-changed-2', ...(await since('changed', first)) };
  const said = async (detail: string) =>
    expect(await snapshot(world, input, context).catch((error: unknown) => error)).toMatchObject({
      ...{ code: 'source.changed', retry: false },
      detail: expect.stringContaining(detail),
    });
  await control(`/resize?vm=changed&bytes=${65 * mib}`);
  await said(`has ${65 * mib} bytes, not ${64 * mib} any more`);
  await control(`/resize?vm=changed&bytes=${63 * mib}`);
  await said(`has ${63 * mib} bytes, not ${64 * mib} any more`);
  await control(`/resize?vm=changed&bytes=${64 * mib}`);
  await expect(snapshot(world, { ...input, disks: disks.slice(1) }, context)).rejects.toMatchObject({
    detail: expect.stringContaining('was added'),
  });
  await expect(
    snapshot(world, { ...input, disks: [...input.disks, { key: 9, sizeBytes: mib }] }, context),
  ).rejects.toMatchObject({ detail: expect.stringContaining('disk 9 is gone') });
  expect(await snapshots('changed')).toEqual([]);
  expect((await pass('changed', 2, first)).disks[0]!.lost).toBeUndefined();
});

test('room - read now, also where vCenter cannot refresh it; a snapshot that finds too little is not taken', async () => {
  const { ids } = await source('narrow');
  const room = async () => (await center.rooms([ids.vm]))[0]!;
  const { freeBytes } = await room();
  expect(await room()).toMatchObject({ vm: ids.vm, datastore: 'fast-ds', needBytes: 20 * gib });
  await control('/faults', 'POST', { Method: 'RefreshDatastore', Fault: 'HostConfigFault' });
  expect(await room()).toMatchObject({ freeBytes });
  await control('/faults', 'DELETE');
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

test('latency - of the slowest of a VM’s datastores, as its host sees it; not watched, and not known, it is left out, which is told once', async () => {
  const { ids } = await source('narrow');
  const latencies = () => center.latencies([ids.vm]);
  warned.length = 0;
  expect(await latencies()).toEqual([{ vm: ids.vm, datastore: 'fast-ds', ms: 1, maxMs: 40 }]);
  await control('/latency?datastore=fast-ds&ms=71');
  expect(await latencies()).toMatchObject([{ ms: 71 }]);
  limits.maxLatencyMs = 0;
  expect(await latencies()).toEqual([]);
  limits.maxLatencyMs = 40;
  await control('/faults', 'POST', { Method: 'QueryPerf', Fault: 'NoPermission' });
  expect([await latencies(), await latencies()]).toEqual([[], []]);
  expect(warned).toEqual([{ provider: 'vc', why: expect.stringContaining('NoPermission') }]);
  await control('/faults', 'DELETE');
  expect(await latencies()).toHaveLength(1);
  await control('/latency', 'DELETE');
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

test.each(['removeSnapshot', 'tidySource'] as const)(
  '%s - a snapshot that went without its files being merged: they are merged when it is asked for again',
  async (step) => {
    const { ids } = await source('unmerged');
    const [name, before] = [`tranship-m-unmerged-${step}`, await center.look(ids.vm)];
    const taken = await snapshot(world, { ...ids, name, ...(await since('unmerged')) }, context);
    await writes('unmerged', 2 * mib);
    const wrote = readFileSync((await listed('unmerged'))[0]!.path);
    // As vSphere leaves it where a reader had a file open.
    const unmerged = { removeChildren: false, consolidate: false };
    const gone = { type: 'VirtualMachineSnapshot', value: taken.snapshot };
    await center.client.task(gone, 'RemoveSnapshot_Task', unmerged, 60_000, systemClock);
    const left = await center.look(ids.vm);
    expect(left).toMatchObject({ consolidationNeeded: true, snapshots: [] });
    expect(left.disks[0]!.file).toMatch(/-000001\.vmdk$/);
    if (step === 'removeSnapshot') await removeSnapshot(world.find, { ...ids, name }, context);
    else await tidySource(world.find, { ...ids, prefix: name, tracking: 'keep' }, context);
    const after = await center.look(ids.vm);
    expect(after.consolidationNeeded).toBe(false);
    expect(after.disks.map(({ file }) => file)).toEqual(before.disks.map(({ file }) => file));
    expect(readFileSync((await listed('unmerged'))[0]!.path).equals(wrote)).toBe(true);
  },
);

import { type QueryInput, TranshipError } from '@tranship/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { marks, startedAt, stoppedAt } from './domain/names.ts';
import { create } from './handlers/create.ts';
import { credentialQueries } from './handlers/credentials.ts';
import { factQueries } from './handlers/facts.ts';
import { handOver } from './handlers/hand-over.ts';
import { prepare } from './handlers/prepare.ts';
import { removeTarget, settle, stopTarget } from './handlers/remove.ts';
import { start } from './handlers/start.ts';
import { unseal } from './handlers/unseal.ts';
import { Died, dying, slow } from './testing/dying.ts';
import { connection, disk, nic } from './testing/fixtures.ts';
import { apps, asked, type Course, context, course, proven, World, work } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.stop());

const machine = async ({ target: { name } }: Course) => world.cluster.get('VirtualMachine', name, apps);
/** Removed, and seen gone. */
async function removed(kind: 'VirtualMachine' | 'VirtualMachineInstance' | 'PersistentVolumeClaim', name: string) {
  await world.cluster.remove(kind, name, apps);
  await expect.poll(() => world.cluster.get(kind, name, apps), { timeout: 20_000 }).toBeUndefined();
}
const started = (input: Course) => start(world.target, { ...input, provider: 'vc' }, context);

it('start - while the workbench’s pod lives it is refused, and the VM stays halted', async () => {
  const input = course();
  await world.prepared(input);
  await create(world.target, proven(input));
  await expect(started(input)).rejects.toMatchObject({ code: 'target.workbench-alive', retry: true });
  const vm = await machine(input);
  expect(vm?.spec.runStrategy).toBe('Halted');
  expect(vm?.metadata.annotations?.[startedAt]).toBeUndefined();
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  const { at } = await started(input);
  expect((await machine(input))?.spec.runStrategy).toBe('Always');
  expect((await machine(input))?.metadata.annotations?.[startedAt]).toBe(at);
  // What may have run is not removed.
  await expect(removeTarget(world.target, { ...input, ran: 'keep', copy: 'remove' }, context)).rejects.toMatchObject({
    code: 'migration.state',
  });
});

it('start - while the source runs it is refused, and the VM stays halted', async () => {
  const input = course();
  await create(world.target, proven(input));
  const asked: QueryInput<'sourceOff'>[] = [];
  const sourceOff = async (of: QueryInput<'sourceOff'>) => {
    asked.push(of);
    throw new TranshipError('source.contested', 'it ran since the final pass');
  };
  const starting = start({ ...world.target, sourceOff }, { ...input, provider: 'vc', lastStart: 7 }, context);
  await expect(starting).rejects.toMatchObject({ code: 'source.contested' });
  // A start that is over again counts too.
  expect(asked).toEqual([{ provider: 'vc', vm: input.vm, lastStart: 7 }]);
  expect((await machine(input))?.spec.runStrategy).toBe('Halted');
});

/** A worker that stands still while it asks after the source; what happens meanwhile, it did not see. */
const stalled = (input: Course, meanwhile: () => Promise<unknown>, more: Partial<typeof context> = {}) => {
  let first = true;
  const sourceOff = async () => {
    if (first) await meanwhile();
    first = false;
  };
  return start({ ...world.target, sourceOff }, { ...input, provider: 'vc' }, { ...context, ...more });
};

it('start - a worker that wakes up after a rollback, or after the VM was made anew, starts nothing', async () => {
  const input = course();
  await create(world.target, proven(input));
  await expect(stalled(input, () => stopTarget(world.target, input, context))).rejects.toMatchObject({
    code: 'migration.state',
  });
  const vm = await machine(input);
  expect(vm?.spec.runStrategy).toBe('Halted');
  expect(vm?.metadata.annotations?.[startedAt]).toBeUndefined();
  const { name } = input.target;
  await removed('VirtualMachine', name);
  await create(world.target, proven(input));
  const anew = async () => {
    await removed('VirtualMachine', name);
    await create(world.target, proven(input));
  };
  await expect(stalled(input, anew)).rejects.toMatchObject({ code: 'target.exists' });
  expect((await machine(input))?.spec.runStrategy).toBe('Halted');
});

it('start - a worker that is not wanted any more starts nothing; what KubeVirt writes meanwhile stops no start', async () => {
  const input = course();
  await create(world.target, proven(input));
  const over = new AbortController();
  const given = async () => over.abort(new Error('a later attempt has begun'));
  await expect(stalled(input, given, { signal: over.signal })).rejects.toThrow('a later attempt has begun');
  expect((await machine(input))?.spec.runStrategy).toBe('Halted');
  const { name } = input.target;
  const finalizers = { metadata: { annotations: { 'kubevirt.io/latest-observed-api-version': 'v1' } } };
  await stalled(input, () => world.cluster.merge('VirtualMachine', name, apps, finalizers));
  expect((await machine(input))?.spec.runStrategy).toBe('Always');
});

const instance = ({ target: { name } }: Course) => ({
  ...{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', metadata: { name, namespace: apps } },
  spec: { domain: { devices: {} } },
});

it('runs - a VM of the target’s name runs, or is about to, be it ours or not', async () => {
  const input = course();
  const { name } = input.target;
  const runs = async () => (await factQueries(world.target).targetRuns({ namespace: apps, name })).runs;
  expect(await runs()).toBe(false);
  await create(world.target, proven(input));
  expect(await runs()).toBe(false);
  await world.cluster.merge('VirtualMachine', name, apps, { spec: { runStrategy: 'Always' } });
  expect(await runs()).toBe(true);
  await removed('VirtualMachine', name);
  expect(await runs()).toBe(false);
  await world.cluster.apply(instance(input));
  expect(await runs()).toBe(true);
});

it('stop - one that lost our labels and runs is not ours to stop, and is not called stopped', async () => {
  const input = course();
  const { name } = input.target;
  await create(world.target, proven(input));
  await world.cluster.apply(instance(input));
  await world.cluster.merge('VirtualMachine', name, apps, { metadata: { labels: { 'tranship.dev/vm': null } } });
  await expect(stopTarget(world.target, input, context)).rejects.toMatchObject({ code: 'target.runs', retry: false });
  await removed('VirtualMachineInstance', name);
  await stopTarget(world.target, input, context);
  expect((await machine(input))?.metadata.annotations?.[stoppedAt]).toBeUndefined();
});

/** A target that ran, was given up and stands still. */
async function ran(input: Course): Promise<string[]> {
  const { volumes } = await world.prepared(input);
  await create(world.target, proven(input));
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  await started(input);
  await stopTarget(world.target, input, context);
  return volumes;
}
const again = (input: Course, target = world.target) => prepare(target, asked(input, { ran: true }), context);

it('ran - the workbench that is prepared after a rollback has the very volumes that ran, and the VM is gone', async () => {
  const input = course([disk(0), disk(1)]);
  const volumes = await ran(input);
  const [{ pvcs }] = await Promise.all([again(input), world.runs(input)]);
  expect(pvcs.map(({ volume }) => volume)).toEqual(volumes);
  expect(await machine(input)).toBeUndefined();
  expect(await world.claim(`${input.target.name}-disk-0`, apps)).toBeUndefined();
});

it('ran - one that was started again, or is somebody else’s by now, is left alone', async () => {
  const input = course();
  const { name } = input.target;
  await ran(input);
  await world.cluster.apply(instance(input));
  await expect(again(input)).rejects.toMatchObject({ code: 'target.runs' });
  await removed('VirtualMachineInstance', name);
  await world.cluster.merge('VirtualMachine', name, apps, { metadata: { labels: { 'tranship.dev/vm': null } } });
  await expect(again(input)).rejects.toMatchObject({ code: 'target.exists' });
  expect(await machine(input)).toBeDefined();
  expect((await world.claim(`${name}-disk-0`, apps))?.status?.phase).toBe('Bound');
});

it('ran - what a person removed in the meantime is made anew', async () => {
  const input = course();
  const [volume] = await ran(input);
  const { name } = input.target;
  await removed('VirtualMachine', name);
  await removed('PersistentVolumeClaim', `${name}-disk-0`);
  const [{ pvcs }] = await Promise.all([again(input), world.runs(input)]);
  expect(pvcs[0]?.volume).not.toBe(volume);
});

it.concurrent.for([1, 2, 3, 4, 5])(
  'ran - brought back as far as write %i and cut off, it is brought back by the next try, or by the way back',
  async (n, { expect }) => {
    const input = course();
    const [volume] = await ran(input);
    await expect(again(input, dying(world.target, n).target)).rejects.toBeInstanceOf(Died);
    if (n % 2 === 0) {
      const back = { ...input, ran: 'remove', copy: 'keep' } as const;
      expect((await removeTarget(world.target, back, context)).kept).toBe(true);
    } else await Promise.all([again(input), world.runs(input)]);
    expect((await world.claim(`${input.workbench}-disk-0`, work))?.spec.volumeName).toBe(volume);
    expect(await machine(input)).toBeUndefined();
  },
);

it('sealed - made with its links down; they go up only when the guest agent answers, and are seen up', async () => {
  const nics = [nic(), nic({ mac: '00:50:56:aa:bb:02', network: { type: 'multus', name: 'apps/lan' } })];
  const input = course([disk(0)], { nics, sealed: true });
  const { name } = input.target;
  await create(world.target, proven(input));
  const states = async () =>
    (await machine(input))?.spec.template.spec.domain.devices.interfaces.map(({ state }: { state?: string }) => state);
  expect(await states()).toEqual(['down', 'down']);
  /** What KubeVirt would tell of the running VM. */
  const tells = (agent: boolean, linkState: string) =>
    world.cluster.apply({
      ...{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', metadata: { name, namespace: apps } },
      spec: { domain: { devices: {} } },
      status: {
        phase: 'Running',
        conditions: [{ type: 'AgentConnected', status: agent ? 'True' : 'False' }],
        interfaces: nics.map(({ mac }) => ({ mac, linkState })),
      },
    });
  await tells(false, 'down');
  await expect(unseal(world.target, { ...input, deadlineMs: 1_000 }, context)).rejects.toMatchObject({
    code: 'target.unhealthy',
    detail: expect.stringContaining('its links are down'),
  });
  expect(await states()).toEqual(['down', 'down']);
  let over = false;
  const step = unseal(world.target, { ...input, deadlineMs: 20_000 }, context).finally(() => {
    over = true;
  });
  await tells(true, 'down');
  await expect.poll(states, { timeout: 20_000 }).toEqual([undefined, undefined]);
  expect(over).toBe(false);
  await tells(true, 'up');
  expect(await step).toMatchObject({ nics: nics.map(({ mac }) => mac) });
});

it('remove - nothing of the VM is left, and nobody finds what its workbench was asked for', async () => {
  const input = course([disk(0), disk(1)]);
  const { volumes } = await world.prepared(input);
  await create(world.target, proven(input));
  await Promise.all([
    removeTarget(world.target, { ...input, ran: 'keep', copy: 'remove' }, context),
    world.ends(input),
  ]);
  await expect.poll(() => world.ours(input), { timeout: 20_000 }).toEqual([]);
  for (const volume of volumes)
    await expect.poll(() => world.cluster.get('PersistentVolume', volume), { timeout: 20_000 }).toBeUndefined();
  const of = `${input.migration} ${input.vm}`;
  expect(world.purged.filter((each) => each.endsWith(of))).toEqual([
    `transfer ${of}`,
    `converter ${of}`,
    `objects ${of}`,
  ]);
});

const keep = (input: Course, target = world.target) =>
  removeTarget(target, { ...input, ran: 'keep', copy: 'keep' }, context);
const inWork = ({ workbench }: Course) =>
  ['disk-0', 'scratch'].map((each) => `PersistentVolumeClaim ${workbench}-${each}`);

it('remove - a copy that is kept stays, volumes and ledgers; the next workbench has the very same', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const [{ kept }] = await Promise.all([keep(input), world.ends(input)]);
  expect(kept).toBe(true);
  expect(await world.ours(input)).toEqual(inWork(input));
  expect((await world.prepared(input)).volumes).toEqual(volumes);
});

it.concurrent.for([0, 1, 2, 3, 4, 5, 6])(
  'remove - a hand-over that was cut after write %i is taken back with its copy, itself cut at any write too',
  async (n, { expect }) => {
    const input = course();
    const { volumes } = await world.prepared(input);
    const ended = world.ends(input);
    await expect(handOver(dying(world.target, n).target, input, context)).rejects.toBeInstanceOf(Died);
    if (n === 0) await world.cluster.remove('Job', input.workbench, work);
    await ended;
    const { target } = dying(world.target, 7 - n);
    await keep(input, { ...target, commands: world.target.commands }).catch(() => {});
    expect((await keep(input)).kept).toBe(true);
    expect(await world.ours(input)).toEqual(inWork(input));
    expect((await world.claim(`${input.workbench}-disk-0`, work))?.spec.volumeName).toBe(volumes[0]);
    const { spec } = (await world.cluster.get('PersistentVolume', volumes[0]!))!;
    expect(spec.persistentVolumeReclaimPolicy).toBe('Delete');
  },
);

it('remove - a claim that is only just going, still bound, is seen gone and made again before its copy counts as kept', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const name = `${input.workbench}-disk-0`;
  const holds = (finalizers: string[]) =>
    world.cluster.merge('PersistentVolumeClaim', name, work, { metadata: { finalizers } });
  const { finalizers } = (await world.claim(name, work))!.metadata as { finalizers?: string[] };
  await holds([...(finalizers ?? []), 'tests.tranship.dev/held']);
  const ended = world.ends(input);
  await expect(handOver(dying(world.target, 3).target, input, context)).rejects.toBeInstanceOf(Died);
  await ended;
  expect((await world.claim(name, work))?.metadata.deletionTimestamp).toBeDefined();
  const slowly = slow(world.target, name, () => holds([]));
  expect((await keep(input, slowly)).kept).toBe(true);
  expect((await world.claim(name, work))?.spec.volumeName).toBe(volumes[0]);
});

it('remove - a claim of another by the target’s name is left alone, and the copy is taken back', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const name = `${input.target.name}-disk-0`;
  const labels = marks({ ...input, migration: 'other' });
  const resources = { requests: { storage: '1Mi' } };
  await world.cluster.apply({
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: apps, labels } },
    spec: { accessModes: ['ReadWriteOnce'], resources, storageClassName: 'later' },
  });
  const [{ kept }] = await Promise.all([keep(input), world.ends(input)]);
  expect(kept).toBe(true);
  expect((await world.claim(`${input.workbench}-disk-0`, work))?.spec.volumeName).toBe(volumes[0]);
  expect((await world.claim(name, apps))?.metadata.labels).toEqual(labels);
});

it('remove - archived, what has run goes too, with its disks; while it runs it is refused', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  await create(world.target, proven(input));
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  await started(input);
  const { name } = input.target;
  const instance = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name, namespace: apps },
  };
  await world.cluster.apply({ ...instance, spec: { domain: { devices: {} } } });
  const archived = () => removeTarget(world.target, { ...input, ran: 'remove', copy: 'remove' }, context);
  await expect(archived()).rejects.toMatchObject({ code: 'migration.state' });
  expect(await world.ours(input)).toContain(`VirtualMachine ${name}`);
  await world.cluster.remove('VirtualMachineInstance', name, apps);
  await expect.poll(() => world.cluster.get('VirtualMachineInstance', name, apps)).toBeUndefined();
  await archived();
  expect(await world.ours(input)).toEqual([]);
  await expect.poll(() => world.cluster.get('PersistentVolume', volumes[0]!), { timeout: 20_000 }).toBeUndefined();
});

it('settle - the workbench and its scratch go, the VM and its disks stay', async () => {
  const input = course();
  await world.prepared(input);
  await create(world.target, proven(input));
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  await settle(world.target, input, context);
  const { name } = input.target;
  await expect
    .poll(() => world.ours(input), { timeout: 20_000 })
    .toEqual([`PersistentVolumeClaim ${name}-disk-0`, `VirtualMachine ${name}`]);
});

it('preview - all that would be made, workbench and scratch too, in the server’s own opinion; nothing is made', async () => {
  const { target } = course();
  const { objects } = await factQueries(world.target).previewPlan({ targets: [target], connection });
  const shown = (objects as { kind: string; metadata: { name: string; namespace: string } }[]).map(
    ({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`,
  );
  expect(shown).toEqual([
    `PersistentVolumeClaim ${work}/tranship-preview-${target.name}-scratch`,
    `Job ${work}/tranship-preview-${target.name}`,
    `PersistentVolumeClaim ${apps}/${target.name}-disk-0`,
    `VirtualMachine ${apps}/${target.name}`,
  ]);
  expect(await world.cluster.get('Job', `tranship-preview-${target.name}`, work)).toBeUndefined();
});

it('credentials - only what is marked as one is read, and only that is overwritten', async () => {
  const { putSecret, readSecret } = credentialQueries(world.target);
  const login = { username: 'u', password: 'p' };
  await putSecret({ name: 'vc', data: login });
  expect(await readSecret({ name: 'vc' })).toEqual(login);
  const metadata = { name: 'tranship-nats', namespace: work };
  await world.cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { password: 'nats' } });
  await expect(readSecret({ name: 'tranship-nats' })).rejects.toMatchObject({ code: 'vsphere.login' });
  await expect(putSecret({ name: 'tranship-nats', data: login })).rejects.toMatchObject({ code: 'target.exists' });
});

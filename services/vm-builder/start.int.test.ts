import { afterAll, beforeAll, expect, it } from 'vitest';
import { startedAt } from './domain/names.ts';
import { create } from './handlers/create.ts';
import { credentialQueries } from './handlers/credentials.ts';
import { factQueries } from './handlers/facts.ts';
import { handOver } from './handlers/hand-over.ts';
import { removeTarget, settle } from './handlers/remove.ts';
import { start } from './handlers/start.ts';
import { connection, disk } from './testing/fixtures.ts';
import { apps, type Course, context, course, World, work } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.stop());

const machine = async ({ target: { name } }: Course) => world.cluster.get('VirtualMachine', name, apps);
const started = (input: Course) => start(world.target, { ...input, provider: 'vc' }, context);

it('start - while the workbench’s pod lives it is refused, and the VM stays halted', async () => {
  const input = course();
  await world.prepared(input);
  await create(world.target, input);
  await expect(started(input)).rejects.toMatchObject({ code: 'target.workbench-alive', retry: true });
  const vm = await machine(input);
  expect(vm?.spec.runStrategy).toBe('Halted');
  expect(vm?.metadata.annotations?.[startedAt]).toBeUndefined();
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  const { at } = await started(input);
  expect((await machine(input))?.spec.runStrategy).toBe('Always');
  expect((await machine(input))?.metadata.annotations?.[startedAt]).toBe(at);
  // What may have run is not removed.
  await expect(removeTarget(world.target, input, context)).rejects.toMatchObject({ code: 'migration.state' });
});

it('start - while the source runs it is refused, and the VM stays halted', async () => {
  const input = course();
  await create(world.target, input);
  const target = { ...world.target, sourcePower: async () => 'poweredOn' as const };
  await expect(start(target, { ...input, provider: 'vc' }, context)).rejects.toMatchObject({
    code: 'source.contested',
  });
  expect((await machine(input))?.spec.runStrategy).toBe('Halted');
});

it('remove - nothing of the VM is left, and nobody finds what its workbench was asked for', async () => {
  const input = course([disk(0), disk(1)]);
  const { volumes } = await world.prepared(input);
  await create(world.target, input);
  await Promise.all([removeTarget(world.target, input, context), world.ends(input)]);
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

it('settle - the workbench and its scratch go, the VM and its disks stay', async () => {
  const input = course();
  await world.prepared(input);
  await create(world.target, input);
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

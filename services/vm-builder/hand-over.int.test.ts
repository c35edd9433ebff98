import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '@tranship/kube';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cameFrom, marks, reclaimPolicy } from './domain/names.ts';
import { kvmDevice } from './domain/workbench.ts';
import { handOver } from './handlers/hand-over.ts';
import { prepare } from './handlers/prepare.ts';
import { release } from './handlers/remove.ts';
import { Died, dying, slow, unable } from './testing/dying.ts';
import { disk } from './testing/fixtures.ts';
import { apps, asked, type Course, context, course, until, World, work } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.stop());

const policyOf = async (volume: string) =>
  (await world.cluster.get('PersistentVolume', volume))?.spec.persistentVolumeReclaimPolicy;

/** The claim has the very volume that the work claim had, which is as it was before, and the work claim is gone. */
async function handedOver({ target, workbench }: Course, index: number, volume: string, policy: string) {
  const claim = await world.claim(`${target.name}-disk-${index}`, apps);
  expect(claim?.status?.phase).toBe('Bound');
  expect(claim?.spec.volumeName).toBe(volume);
  expect(await world.claim(`${workbench}-disk-${index}`, work)).toBeUndefined();
  const { metadata, spec, status } = (await world.cluster.get('PersistentVolume', volume))!;
  expect(spec.claimRef).toMatchObject({ namespace: apps, name: claim?.metadata.name, uid: claim?.metadata.uid });
  expect(status.phase).toBe('Bound');
  expect(spec.persistentVolumeReclaimPolicy).toBe(policy);
  expect(Object.keys(metadata.labels ?? {})).not.toContain(cameFrom);
  expect(Object.keys(metadata.annotations ?? {})).not.toContain(reclaimPolicy);
}

it('hand-over - each volume changes its claim and keeps its reclaim policy; once more it finds all done', async () => {
  const input = course([disk(0), disk(1)]);
  const { volumes } = await world.prepared(input);
  await world.cluster.merge('PersistentVolume', volumes[1]!, undefined, {
    spec: { persistentVolumeReclaimPolicy: 'Retain' },
  });
  const [{ pvcs }] = await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  expect(pvcs).toEqual([0, 1].map((index) => ({ index, name: `${input.target.name}-disk-${index}` })));
  await handedOver(input, 0, volumes[0]!, 'Delete');
  await handedOver(input, 1, volumes[1]!, 'Retain');
  expect((await handOver(world.target, input, context)).pvcs).toEqual(pvcs);
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it.concurrent.for([
  [0, 'nothing'],
  [1, 'remove Job'],
  [2, 'merge PersistentVolume'],
  [3, 'remove PersistentVolumeClaim'],
  [4, 'merge PersistentVolume'],
  [5, 'apply PersistentVolumeClaim'],
  [6, 'merge PersistentVolume'],
] as const)('hand-over - cut after write %i (%s) it is run again to the same end', async ([n, last], { expect }) => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const { target, writes } = dying(world.target, n);
  const ended = world.ends(input);
  await expect(handOver(target, input, context)).rejects.toBeInstanceOf(Died);
  expect(writes.at(-1) ?? 'nothing').toBe(last);
  await Promise.all([handOver(world.target, input, context), ended]);
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it('hand-over - a worker that looked just before the binder was done does not break the bond', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const ended = world.ends(input);
  await expect(handOver(dying(world.target, 5).target, input, context)).rejects.toBeInstanceOf(Died);
  await ended;
  const name = `${input.target.name}-disk-0`;
  const bound = async () => (await world.claim(name, apps))?.status?.phase === 'Bound';
  const meanwhile = vi.fn(() => until('the binder is done', bound, 30_000));
  // The claim stands unbound in its first look: before the binder's next round, which is up to 15 s away.
  await handOver(slow(world.target, name, meanwhile), input, context);
  expect(meanwhile).toHaveBeenCalledOnce();
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it('hand-over - a claim that went away unbound is made again, for the same volume', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const ended = world.ends(input);
  await expect(handOver(dying(world.target, 5).target, input, context)).rejects.toBeInstanceOf(Died);
  await ended;
  const name = `${input.target.name}-disk-0`;
  await world.cluster.remove('PersistentVolumeClaim', name, apps);
  await until('it is gone', async () => (await world.claim(name, apps)) === undefined);
  await handOver(world.target, input, context);
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it('hand-over - a claim of another by that name is left alone', async () => {
  const input = course();
  const { volumes } = await world.prepared(input);
  const name = `${input.target.name}-disk-0`;
  const labels = marks({ ...input, migration: 'other' });
  const spec = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Mi' } },
    storageClassName: 'later',
  };
  await world.cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: apps, labels },
    spec,
  });
  const [result] = await Promise.allSettled([handOver(world.target, input, context), world.ends(input)]);
  expect(result).toMatchObject({ status: 'rejected', reason: { code: 'target.exists' } });
  expect((await world.claim(name, apps))?.metadata.labels).toEqual(labels);
  expect((await world.claim(`${input.workbench}-disk-0`, work))?.spec.volumeName).toBe(volumes[0]);
});

it('hand-over - a pod in which both halves have let go of the disks is not waited for', async () => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  world.lets(input, pod, 'transfer', 'converter');
  await handOver(world.target, input, context);
  await handedOver(input, 0, volumes[0]!, 'Delete');
  expect(await world.pod(input)).toBeUndefined();
});

it('hand-over - without the right to take the pod out its end is waited for', async () => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  world.lets(input, pod, 'transfer', 'converter');
  const [target, asked] = unable(world.target);
  await Promise.all([handOver(target, input, context), world.ends(input)]);
  expect(asked).toEqual([pod]);
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it('hand-over - cut after the pod was taken out it is run again to the same end', async () => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  world.lets(input, pod, 'transfer', 'converter');
  const { target, writes } = dying(world.target, 2);
  await expect(handOver(target, input, context)).rejects.toBeInstanceOf(Died);
  expect(writes).toEqual(['remove Job', 'remove Pod']);
  await handOver(world.target, input, context);
  await handedOver(input, 0, volumes[0]!, 'Delete');
});

it.for([
  ['nobody says to have let go', []],
  ['one half is silent', [['transfer', '']]],
  [
    'the halves are of two pods',
    [
      ['transfer', ''],
      ['converter', 'another'],
    ],
  ],
] as const)('hand-over - no volume changes hands while the workbench’s pod lives: %s', async ([, said], { expect }) => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  for (const [half, other] of said) world.lets(input, other || pod, half);
  const began = Date.now();
  const clock = {
    now: () => began + (Date.now() - began) * 100,
    sleep: (ms: number) => context.clock.sleep(ms / 100),
  };
  await expect(handOver(world.target, input, { ...context, clock })).rejects.toMatchObject({
    code: 'target.workbench-alive',
    retry: true,
  });
  expect((await world.pod(input))?.metadata.name).toBe(pod);
  expect((await world.claim(`${input.workbench}-disk-0`, work))?.metadata.deletionTimestamp).toBeUndefined();
  expect(await policyOf(volumes[0]!)).toBe('Delete');
});

it('prepare - what an earlier try left by the target’s name must go first: it is not started for what is copied now', async () => {
  const input = course();
  await world.prepared(input);
  await Promise.all([handOver(world.target, input, context), world.ends(input)]);
  await expect(world.prepared(input)).rejects.toMatchObject({ code: 'target.exists', retry: false });
  expect(await world.claim(`${input.workbench}-disk-0`, work)).toBeUndefined();
});

it('release - the workbench goes with what it was asked for, its volumes stay; prepared again it has the very same', async () => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  const { migration, vm, workbench } = input;
  const [{ removed }] = await Promise.all([
    release(world.target, { migration, vm, workbench }, context),
    world.ends(input),
  ]);
  expect(removed).toEqual([`Job ${work}/${workbench}`]);
  expect(world.purged.filter((of) => of.endsWith(vm))).toEqual([
    `transfer ${migration} ${vm}`,
    `converter ${migration} ${vm}`,
  ]);
  expect(await world.ours(input)).toEqual([
    `PersistentVolumeClaim ${workbench}-disk-0`,
    `PersistentVolumeClaim ${workbench}-scratch`,
  ]);
  expect((await release(world.target, { migration, vm, workbench }, context)).removed).toEqual([]);
  const again = await world.prepared(input);
  expect(again.volumes).toEqual(volumes);
  expect(again.pod).not.toBe(pod);
});

it('prepare - a workbench that was made without room for a guest gives way to one with it, and that one stays', async () => {
  const input = course();
  const { volumes, pod } = await world.prepared(input);
  const made = prepare(world.target, asked(input, { rehearse: true }), context);
  await world.ends(input);
  await until('the next pod', async () => ((await world.pod(input))?.metadata.name ?? pod) !== pod);
  await world.runs(input);
  expect(await made).toMatchObject({ rehearse: true, pvcs: [{ volume: volumes[0] }] });
  const job = await world.cluster.get('Job', input.workbench, work);
  expect(job?.metadata.annotations).toMatchObject({ 'tranship.dev/rehearses': 'true' });
  const again = await prepare(world.target, asked(input), context);
  expect(again).toMatchObject({ rehearse: true, pod: (await made).pod });
});

it('prepare - for a rehearsal KVM is asked for where a node offers it, unless it is never to be', async () => {
  const { plane, target } = world;
  const asksForKvm = async (by = target) => {
    const input = course();
    const [made] = await Promise.all([prepare(by, asked(input, { rehearse: true }), context), world.runs(input)]);
    expect(made.rehearse).toBe(true);
    const job = await world.cluster.get('Job', input.workbench, work);
    const limits = job?.spec.template.spec.containers.map(({ resources }: KubeObject['spec']) => resources.limits);
    return limits.some((each: Record<string, string>) => each[kvmDevice] === '1');
  };
  expect(await asksForKvm()).toBe(false);
  const node = join(plane.dir, 'node.json');
  writeFileSync(node, JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'with-kvm' } }));
  await plane.kubectl('apply', '-f', node);
  try {
    const status = { status: { allocatable: { [kvmDevice]: '110' } } };
    await plane.kubectl(
      ...['patch', 'node', 'with-kvm', '--subresource=status', '--type=merge'],
      '-p',
      JSON.stringify(status),
    );
    expect(await asksForKvm()).toBe(true);
    expect(await asksForKvm({ ...target, config: { ...target.config, rehearsalKvm: 'never' } })).toBe(false);
  } finally {
    await plane.kubectl('delete', 'node', 'with-kvm');
  }
});

it('prepare - a workbench that is on its way out is seen gone before the next one is made', async () => {
  const input = course();
  const { pod } = await world.prepared(input);
  await world.cluster.remove('Job', input.workbench, work);
  const again = prepare(world.target, asked(input), context);
  await world.ends(input);
  const next = async () => {
    const found = await world.pod(input);
    return found && found.metadata.name !== pod ? found.metadata.name : undefined;
  };
  const name = await until('the next pod', next);
  await world.runs(input);
  expect((await again).pod).toBe(name);
});

import { type StepInput, type StepResult, type TargetDisk, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import { retry, type StepContext } from '@tranship/service-kit';
import { cameFrom, isMarked, marks, reclaimPolicy, selector, targetDisk, workDisk } from '../domain/names.ts';
import { diskClaim } from '../domain/volumes.ts';
import type { Target } from '../ports.ts';

type Input = StepInput<'handOver'>;
const nudged = 'tranship.dev/nudged';
/** The binder is nudged this often. */
const nudgeMs = 500;
const goneMs = 120_000;
/** Kubernetes' controllers write on a volume too. */
const races = { attempts: 6, baseMs: 50, maxMs: 1_000 };

/** The workbench ends, its pod is seen gone, and each volume changes its claim, from ours to the VM's. */
export async function handOver(target: Target, input: Input, context: StepContext): Promise<StepResult<'handOver'>> {
  const began = context.clock.now();
  await endWorkbench(target, input, context);
  const pvcs = await Promise.all(
    input.target.disks.map(async (disk) => ({ index: disk.index, name: await rebind(target, input, disk, context) })),
  );
  return { pvcs, seconds: (context.clock.now() - began) / 1000 };
}

/** @throws TranshipError `target.workbench-alive` when a pod outlives the deadline: nothing may be started then. */
export async function endWorkbench(
  { cluster, config: { workNamespace } }: Target,
  { migration, vm, workbench }: Pick<Input, 'migration' | 'vm' | 'workbench'>,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
): Promise<boolean> {
  const was = await cluster.remove('Job', workbench, workNamespace);
  const pods = { kind: 'Pod', namespace: workNamespace, labels: selector({ migration, vm }) } as const;
  if (await cluster.until(pods, none, { deadlineMs: goneMs, clock, signal })) return was;
  throw new TranshipError('target.workbench-alive', `the pod of ${workbench} is still there after ${goneMs / 1000} s`);
}

/** Re-runnable from any point: what is done is seen by what is there. */
async function rebind(target: Target, input: Input, disk: TargetDisk, context: StepContext): Promise<string> {
  const { cluster, config } = target;
  const { name: vmName, namespace } = input.target;
  const from = workDisk(input.workbench, disk.index);
  const name = targetDisk(vmName, disk.index);
  const there = await cluster.get('PersistentVolumeClaim', name, namespace);
  if (there && !isMarked(there.metadata.labels, input))
    throw new TranshipError('target.exists', `PVC ${namespace}/${name} is not of this migration`);
  if (there?.status?.phase === 'Bound' && (await cluster.get('PersistentVolumeClaim', from, config.workNamespace)))
    throw new TranshipError(
      'target.exists',
      `PVC ${namespace}/${name} is of an earlier try: what was copied now is in ${from}`,
    );
  if (there?.status?.phase !== 'Bound') {
    const volume = await release(target, from, config.workNamespace, context);
    const promised = () => promise(cluster, volume, { namespace, name, uid: there?.metadata.uid });
    await retry(promised, { ...races, clock: context.clock, signal: context.signal });
    const wanted = diskClaim(disk, name, namespace, marks(input));
    if (!there) await cluster.apply({ ...wanted, spec: { ...wanted.spec, volumeName: volume } });
    if (!(await bound(cluster, name, namespace, context)))
      throw new TranshipError('target.pvc-unbound', `PVC ${namespace}/${name} does not take over volume ${volume}`);
  }
  await restorePolicy(target, from);
  return name;
}

/**
 * Promises the volume to a claim. One that is the claim's already is left alone: the binder may just be writing there, and if it
 * was faster than our look, the version tells.
 */
async function promise(
  cluster: Target['cluster'],
  volume: string,
  { namespace, name, uid }: { namespace: string; name: string; uid: string | undefined },
): Promise<void> {
  const found = await cluster.get('PersistentVolume', volume);
  const now = found?.spec.claimRef as { namespace?: string; name?: string; uid?: string } | undefined;
  if (now?.namespace === namespace && now.name === name && (now.uid === undefined || now.uid === uid)) return;
  const claimRef = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    namespace,
    name,
    uid: null,
    resourceVersion: null,
  };
  const metadata = { resourceVersion: found?.metadata.resourceVersion };
  await cluster.merge('PersistentVolume', volume, undefined, { metadata, spec: { claimRef } });
}

/** Frees a volume of our claim without losing it. Its name, and its reclaim policy, stay written on it. */
async function release(
  { cluster }: Target,
  from: string,
  namespace: string,
  { clock, signal }: StepContext,
): Promise<string> {
  const own = await cluster.get('PersistentVolumeClaim', from, namespace);
  if (!own) {
    const volume = (await marked(cluster, from))[0];
    if (!volume)
      throw new TranshipError('target.workbench', `neither PVC ${from} nor its volume is there`, { retry: false });
    return volume.metadata.name;
  }
  const name = own.spec.volumeName as string;
  const volume = await cluster.get('PersistentVolume', name);
  const policy =
    volume?.metadata.annotations?.[reclaimPolicy] ?? volume?.spec.persistentVolumeReclaimPolicy ?? 'Delete';
  await cluster.merge('PersistentVolume', name, undefined, {
    metadata: { labels: { [cameFrom]: from }, annotations: { [reclaimPolicy]: policy } },
    spec: { persistentVolumeReclaimPolicy: 'Retain' },
  });
  await cluster.remove('PersistentVolumeClaim', from, namespace);
  const claim = { kind: 'PersistentVolumeClaim', namespace, name: from } as const;
  if (await cluster.until(claim, none, { deadlineMs: goneMs, clock, signal })) return name;
  throw new TranshipError('target.workbench-alive', `PVC ${from} is still in use after ${goneMs / 1000} s`);
}

async function bound(
  cluster: Target['cluster'],
  name: string,
  namespace: string,
  { clock, signal }: StepContext,
): Promise<boolean> {
  const claim = { kind: 'PersistentVolumeClaim', namespace, name } as const;
  const phase = ([found]: readonly KubeObject[]) => (found?.status?.phase === 'Bound' ? true : undefined);
  for (const end = clock.now() + goneMs; clock.now() < end; ) {
    if (await cluster.until(claim, phase, { deadlineMs: nudgeMs, clock, signal })) return true;
    await nudge(cluster, name, namespace);
  }
  return false;
}

/**
 * Any change of a claim makes Kubernetes' binder look at it again. Its two workers may trip over each other where volume
 * and claim name each other beforehand, and by itself it tries again only at its next round, up to 15 s later.
 */
async function nudge(cluster: Target['cluster'], name: string, namespace: string): Promise<void> {
  for (const value of ['1', null])
    await cluster.merge('PersistentVolumeClaim', name, namespace, { metadata: { annotations: { [nudged]: value } } });
}

/** What was looked for is gone. */
export const none = (found: readonly KubeObject[]) => (found.length === 0 ? true : undefined);

export const marked = (cluster: Target['cluster'], from: string): Promise<KubeObject[]> =>
  cluster.list('PersistentVolume', undefined, { labels: `${cameFrom}=${from}` });

async function restorePolicy({ cluster }: Target, from: string): Promise<void> {
  for (const { metadata } of await marked(cluster, from))
    await cluster.merge('PersistentVolume', metadata.name, undefined, {
      metadata: { labels: { [cameFrom]: null }, annotations: { [reclaimPolicy]: null } },
      spec: { persistentVolumeReclaimPolicy: metadata.annotations?.[reclaimPolicy] ?? 'Delete' },
    });
}

import { type StepInput, type StepResult, type TargetDisk, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import { poll, type StepContext } from '@tranship/service-kit';
import { cameFrom, isMarked, marks, reclaimPolicy, selector, targetDisk, workDisk } from '../domain/names.ts';
import { diskClaim } from '../domain/volumes.ts';
import type { Target } from '../ports.ts';

type Input = StepInput<'handOver'>;
const nudged = 'tranship.dev/nudged';
const everyMs = 200;
const goneMs = 120_000;

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
  const labels = selector({ migration, vm });
  const gone = async () => ((await cluster.list('Pod', workNamespace, { labels })).length === 0 ? true : undefined);
  if (await poll(gone, { everyMs, deadlineMs: goneMs, clock, signal })) return was;
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
  if (there?.status?.phase !== 'Bound') {
    const volume = await release(target, from, config.workNamespace, context);
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid: null };
    await cluster.merge('PersistentVolume', volume, undefined, {
      spec: { claimRef: { ...claimRef, resourceVersion: null } },
    });
    const wanted = diskClaim(disk, name, namespace, marks(input));
    if (!there) await cluster.apply({ ...wanted, spec: { ...wanted.spec, volumeName: volume } });
    const bound = async () => {
      if ((await cluster.get('PersistentVolumeClaim', name, namespace))?.status?.phase === 'Bound') return true;
      await nudge(cluster, name, namespace);
      return undefined;
    };
    if (!(await poll(bound, { everyMs, deadlineMs: goneMs, clock: context.clock, signal: context.signal })))
      throw new TranshipError('target.pvc-unbound', `PVC ${namespace}/${name} does not take over volume ${volume}`);
  }
  await restorePolicy(target, from);
  return name;
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
  const gone = async () => ((await cluster.get('PersistentVolumeClaim', from, namespace)) ? undefined : true);
  if (await poll(gone, { everyMs, deadlineMs: goneMs, clock, signal })) return name;
  throw new TranshipError('target.workbench-alive', `PVC ${from} is still in use after ${goneMs / 1000} s`);
}

/**
 * Any change of a claim makes Kubernetes' binder look at it again. Its two workers may trip over each other where volume
 * and claim name each other beforehand, and by itself it tries again only at its next round, up to 15 s later.
 */
async function nudge(cluster: Target['cluster'], name: string, namespace: string): Promise<void> {
  for (const value of ['1', null])
    await cluster.merge('PersistentVolumeClaim', name, namespace, { metadata: { annotations: { [nudged]: value } } });
}

export const marked = (cluster: Target['cluster'], from: string): Promise<KubeObject[]> =>
  cluster.list('PersistentVolume', undefined, { labels: `${cameFrom}=${from}` });

async function restorePolicy({ cluster }: Target, from: string): Promise<void> {
  for (const { metadata } of await marked(cluster, from))
    await cluster.merge('PersistentVolume', metadata.name, undefined, {
      metadata: { labels: { [cameFrom]: null }, annotations: { [reclaimPolicy]: null } },
      spec: { persistentVolumeReclaimPolicy: metadata.annotations?.[reclaimPolicy] ?? 'Delete' },
    });
}

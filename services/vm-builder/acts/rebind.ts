import { type StepInput, type TargetDisk, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import { retry, type StepContext } from '@tranship/service-kit';
import { cameFrom, isMarked, marks, reclaimPolicy, targetDisk, workDisk } from '../domain/names.ts';
import { diskClaim } from '../domain/volumes.ts';
import type { Target } from '../ports.ts';

type Owned = Pick<StepInput<'handOver'>, 'migration' | 'vm' | 'workbench' | 'target'>;
type Context = Pick<StepContext, 'clock' | 'signal'>;
const nudged = 'tranship.dev/nudged';
/** The binder is nudged after so long, and then after twice as long each time: mostly the first one helps. */
const nudgeMs = { first: 100, most: 2_000 };
const goneMs = 120_000;
/** Kubernetes' controllers write on a volume too. */
const races = { attempts: 6, baseMs: 50, maxMs: 1_000 };

/** What was looked for is gone. */
export const none = (found: readonly KubeObject[]) => (found.length === 0 ? true : undefined);

/** A claim by its names, as it is to be. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** The two claims that a disk's volume has by turns: the workbench's, by whose name a volume between them is marked, and the VM's. */
export const placesOf = ({ config }: Target, { workbench, target }: Owned, { index }: TargetDisk) => ({
  work: { namespace: config.workNamespace, name: workDisk(workbench, index) },
  vm: { namespace: target.namespace, name: targetDisk(target.name, index) },
});

/** Moves a disk's volume from one of its claims to the other. Re-runnable from any point: what is done is seen by what is there. */
export async function rebind(
  world: Target,
  input: Owned,
  disk: TargetDisk,
  [from, to]: readonly [Place, Place],
  context: Context,
): Promise<string> {
  const { cluster } = world;
  const { name, namespace } = to;
  const mark = workDisk(input.workbench, disk.index);
  const there = await standing(cluster, to, context);
  if (there && !isMarked(there.metadata.labels, input))
    throw new TranshipError('target.exists', `PVC ${namespace}/${name} is not of this migration`);
  if (there?.status?.phase === 'Bound' && (await owned(cluster, from, input)))
    throw new TranshipError(
      'target.exists',
      `PVC ${namespace}/${name} is of an earlier try: what was copied now is in ${from.name}`,
    );
  if (there?.status?.phase !== 'Bound') {
    const volume = await release(cluster, from, mark, input, context);
    const promised = () => promise(cluster, volume, { namespace, name, uid: there?.metadata.uid });
    await retry(promised, { ...races, clock: context.clock, signal: context.signal });
    const wanted = diskClaim(disk, name, namespace, marks(input));
    if (!there) await cluster.apply({ ...wanted, spec: { ...wanted.spec, volumeName: volume } });
    if (!(await bound(cluster, name, namespace, context)))
      throw new TranshipError('target.pvc-unbound', `PVC ${namespace}/${name} does not take over volume ${volume}`);
  }
  await restorePolicy(cluster, mark);
  return name;
}

/** Whether a disk's volume has this claim still, or lies between its two. */
export const isSomewhere = async ({ cluster }: Target, input: Owned, disk: TargetDisk, from: Place): Promise<boolean> =>
  (await owned(cluster, from, input)) !== undefined ||
  (await marked(cluster, workDisk(input.workbench, disk.index))).length > 0;

/** A claim that is of this course; another's by that name is none. */
async function owned(cluster: Target['cluster'], { name, namespace }: Place, ids: Owned) {
  const found = await cluster.get('PersistentVolumeClaim', name, namespace);
  return found && isMarked(found.metadata.labels, ids) ? found : undefined;
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
  cluster: Target['cluster'],
  from: Place,
  mark: string,
  ids: Owned,
  context: Context,
): Promise<string> {
  const own = await owned(cluster, from, ids);
  if (!own) {
    const volume = (await marked(cluster, mark))[0];
    if (!volume)
      throw new TranshipError('target.workbench', `neither PVC ${from.name} nor its volume is there`, { retry: false });
    return volume.metadata.name;
  }
  const name = own.spec.volumeName as string;
  const volume = await cluster.get('PersistentVolume', name);
  const policy =
    volume?.metadata.annotations?.[reclaimPolicy] ?? volume?.spec.persistentVolumeReclaimPolicy ?? 'Delete';
  await cluster.merge('PersistentVolume', name, undefined, {
    metadata: { labels: { [cameFrom]: mark }, annotations: { [reclaimPolicy]: policy } },
    spec: { persistentVolumeReclaimPolicy: 'Retain' },
  });
  await cluster.remove('PersistentVolumeClaim', from.name, from.namespace);
  await gone(cluster, from, context);
  return name;
}

/** A claim that is there to stay: one that is on its way out is seen gone first, it may still look bound. */
async function standing(cluster: Target['cluster'], place: Place, context: Context): Promise<KubeObject | undefined> {
  const found = await cluster.get('PersistentVolumeClaim', place.name, place.namespace);
  if (found?.metadata.deletionTimestamp === undefined) return found;
  await gone(cluster, place, context);
  return undefined;
}

async function gone(cluster: Target['cluster'], place: Place, { clock, signal }: Context): Promise<void> {
  const claim = { kind: 'PersistentVolumeClaim', ...place } as const;
  if (await cluster.until(claim, none, { deadlineMs: goneMs, clock, signal })) return;
  throw new TranshipError('target.workbench-alive', `PVC ${place.name} is still in use after ${goneMs / 1000} s`);
}

async function bound(
  cluster: Target['cluster'],
  name: string,
  namespace: string,
  { clock, signal }: Context,
): Promise<boolean> {
  const claim = { kind: 'PersistentVolumeClaim', namespace, name } as const;
  const phase = ([found]: readonly KubeObject[]) => (found?.status?.phase === 'Bound' ? true : undefined);
  const end = clock.now() + goneMs;
  for (let deadlineMs = nudgeMs.first; clock.now() < end; deadlineMs = Math.min(2 * deadlineMs, nudgeMs.most)) {
    if (await cluster.until(claim, phase, { deadlineMs, clock, signal })) return true;
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

/** Volumes between two claims, by the workbench's. */
export const marked = (cluster: Target['cluster'], mark: string): Promise<KubeObject[]> =>
  cluster.list('PersistentVolume', undefined, { labels: `${cameFrom}=${mark}` });

async function restorePolicy(cluster: Target['cluster'], mark: string): Promise<void> {
  for (const { metadata } of await marked(cluster, mark))
    await cluster.merge('PersistentVolume', metadata.name, undefined, {
      metadata: { labels: { [cameFrom]: null }, annotations: { [reclaimPolicy]: null } },
      spec: { persistentVolumeReclaimPolicy: metadata.annotations?.[reclaimPolicy] ?? 'Delete' },
    });
}

import { type StepInput, type StepResult, type TargetVm, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import type { StepContext } from '@tranship/service-kit';
import { bringBack } from '../acts/bring-back.ts';
import { endWorkbench } from '../acts/end-workbench.ts';
import { whyKeyless } from '../acts/keys.ts';
import { why } from '../acts/why.ts';
import { bench } from '../domain/bench.ts';
import { rehearses, selector, targetDisk, workDisk } from '../domain/names.ts';
import { kvmDevice } from '../domain/workbench.ts';
import type { Target } from '../ports.ts';

const lookMs = 200;

/** Volumes and workbench stand: both containers take commands, so that no source is stopped before. */
export async function prepare(
  world: Target,
  input: StepInput<'prepare'>,
  context: StepContext,
): Promise<StepResult<'prepare'>> {
  const { clock, signal } = context;
  const { cluster, config } = world;
  const { migration, vm, workbench, target } = input;
  const { disks } = target;
  const { workNamespace: namespace } = config;
  if (input.ran) await bringBack(world, input, context);
  await vacant(cluster, target);
  const keyless = target.luks && (await whyKeyless(world, target.luks.secret));
  if (keyless) throw new TranshipError('guest.luks-key', keyless);
  const kvm = input.rehearse && (await hasKvm(world));
  const wanted = bench({ ...input, kvm }, config);
  for (const each of [wanted.scratch, ...wanted.disks])
    if (!(await cluster.get('PersistentVolumeClaim', each.metadata.name, namespace))) await cluster.apply(each);
  const job = await cluster.get('Job', workbench, namespace);
  const fit = (made: KubeObject | undefined) => made?.metadata.annotations?.[rehearses] !== undefined;
  const isMade = !job || job.metadata.deletionTimestamp !== undefined || (input.rehearse && !fit(job));
  if (isMade) {
    await gone(world, input, { clock, signal });
    await cluster.apply(wanted.job);
  }
  const pods = { kind: 'Pod', namespace, labels: selector({ migration, vm }) } as const;
  const deadlineMs = config.prepareSeconds * 1000;
  const pod = await cluster.until(pods, (all) => all.find(isReady), { deadlineMs, clock, signal });
  if (!pod) throw await why(cluster, namespace, { migration, vm }, config.prepareSeconds);
  const pvcs = await Promise.all(
    disks.map(async ({ index }) => {
      const found = await cluster.get('PersistentVolumeClaim', workDisk(workbench, index), namespace);
      if (!found) throw new TranshipError('target.workbench', `the volume of disk ${index} went away`);
      const volume = (found.spec.volumeName as string | undefined) ?? '';
      return { index, name: found.metadata.name, uid: found.metadata.uid ?? '', volume };
    }),
  );
  return { pvcs, pod: pod.metadata.name, rehearse: isMade ? input.rehearse : fit(job) };
}

/** Who may not look at the nodes goes without. */
async function hasKvm({ cluster, config }: Target): Promise<boolean> {
  if (config.rehearsalKvm === 'never') return false;
  const nodes = await cluster.list('Node').catch(() => []);
  return nodes.some(({ status }) => Number(status?.allocatable?.[kvmDevice] ?? 0) > 0);
}

/** A workbench that is on its way out may still write: two never hold the same volumes. */
async function gone(world: Target, input: StepInput<'prepare'>, context: Pick<StepContext, 'clock' | 'signal'>) {
  const { cluster, config } = world;
  const { clock, signal } = context;
  await endWorkbench(world, input, context);
  // Jobs may be asked for by name alone: there is no right to watch them.
  const end = clock.now() + config.prepareSeconds * 1000;
  while (await cluster.get('Job', input.workbench, config.workNamespace)) {
    if (clock.now() > end)
      throw new TranshipError('target.workbench-alive', `the Job ${input.workbench} is still being removed`);
    await clock.sleep(lookMs, signal);
  }
}

/** What is there by the target's name, an earlier try's too, must go before: its disks may have run. */
async function vacant(cluster: Target['cluster'], { name, namespace, disks }: TargetVm): Promise<void> {
  const claims = disks.map(({ index }) => ['PersistentVolumeClaim', targetDisk(name, index)] as const);
  for (const [kind, own] of [['VirtualMachine', name] as const, ...claims])
    if (await cluster.get(kind, own, namespace))
      throw new TranshipError('target.exists', `${kind} ${namespace}/${own} is there already`);
}

function isReady({ metadata, status }: KubeObject): boolean {
  const containers = (status?.containerStatuses ?? []) as { ready?: boolean }[];
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase === 'Running' &&
    containers.length > 0 &&
    containers.every(({ ready }) => ready)
  );
}

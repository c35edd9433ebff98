import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { Kind } from '@tranship/kube';
import { errorFields, retry, type StepContext } from '@tranship/service-kit';
import { endWorkbench } from '../acts/end-workbench.ts';
import { marked, none, placesOf, rebind } from '../acts/rebind.ts';
import { runs } from '../acts/runs.ts';
import { cameFrom, isMarked, selector, startedAt, stoppedAt, targetDisk, workDisk } from '../domain/names.ts';
import type { Target } from '../ports.ts';

type Input = StepInput<'settle'>;
const goneMs = 180_000;
const stopMs = 300_000;
/** Of a volume that is taken back: what passes, passes within seconds. */
const tries = { attempts: 5, baseMs: 250, maxMs: 2_000 };
/** Of a guest that is given up: its disks are kept, but nobody goes on with them. */
const graceSeconds = 30;

/** The workbench goes, its volumes stay: nobody has them open until it is prepared again. */
export async function release(
  target: Target,
  input: StepInput<'release'>,
  context: StepContext,
): Promise<StepResult<'release'>> {
  return { removed: await dismiss(target, input, context) };
}

/** Removes what the VM needs no more: workbench, scratch, everything of it in our namespace. */
export async function settle(target: Target, input: Input, context: StepContext): Promise<StepResult<'settle'>> {
  return { removed: await removeWork(target, input, context) };
}

/** Removes the target as if it had never been. @throws TranshipError `migration.state` when its CPU may have run, or runs. */
export async function removeTarget(
  target: Target,
  input: StepInput<'removeTarget'>,
  context: StepContext,
): Promise<StepResult<'removeTarget'>> {
  const { cluster } = target;
  const { name, namespace, disks } = input.target;
  const vm = await cluster.get('VirtualMachine', name, namespace);
  const ours = vm !== undefined && isMarked(vm.metadata.labels, input);
  if (ours && input.ran === 'remove' && (await cluster.get('VirtualMachineInstance', name, namespace)))
    throw new TranshipError('migration.state', `${namespace}/${name} runs: stop it first, or take our labels off it`);
  if (ours && input.ran === 'keep' && vm.metadata.annotations?.[startedAt] !== undefined)
    throw new TranshipError('migration.state', `${namespace}/${name} has run: its disks are kept`);
  const removed: string[] = [];
  if (ours) removed.push(...(await removeAndWait(cluster, 'VirtualMachine', name, namespace, context)));
  if (input.copy === 'keep' && (await takeBack(target, input, context))) return { removed, kept: true };
  for (const { index } of disks) {
    const claim = await cluster.get('PersistentVolumeClaim', targetDisk(name, index), namespace);
    if (claim && isMarked(claim.metadata.labels, input))
      removed.push(...(await removeAndWait(cluster, 'PersistentVolumeClaim', claim.metadata.name, namespace, context)));
  }
  removed.push(...(await removeWork(target, input, context)));
  // Volumes that a hand-over left between two claims.
  for (const { index } of disks)
    for (const { metadata } of await marked(cluster, workDisk(input.workbench, index))) {
      await cluster.merge('PersistentVolume', metadata.name, undefined, {
        metadata: { labels: { [cameFrom]: null } },
        spec: { persistentVolumeReclaimPolicy: 'Delete' },
      });
      removed.push(`PersistentVolume ${metadata.name}`);
    }
  return { removed, kept: false };
}

/** The workbench goes, and each volume is its claim's again, however far a hand-over had come; false: it cannot be. */
async function takeBack(target: Target, input: StepInput<'removeTarget'>, context: StepContext): Promise<boolean> {
  await dismiss(target, input, context);
  const back = input.target.disks.map((disk) => {
    const { work, vm } = placesOf(target, input, disk);
    const { clock, signal } = context;
    return retry(() => rebind(target, input, disk, [vm, work], context), { ...tries, clock, signal });
  });
  const failed = (await Promise.allSettled(back)).find(({ status }) => status === 'rejected');
  if (!failed) return true;
  context.signal.throwIfAborted();
  // The source must not stay off for it any longer.
  context.log.warn(errorFields((failed as PromiseRejectedResult).reason), 'the copy cannot be kept: it is removed');
  return false;
}

/** Stops the VM and keeps it, with its disks: they have run. Nothing else of ours stays. */
export async function stopTarget(
  target: Target,
  input: StepInput<'stopTarget'>,
  context: StepContext,
): Promise<StepResult<'stopTarget'>> {
  const { cluster } = target;
  const { clock, signal } = context;
  const { name, namespace } = input.target;
  const machine = await cluster.get('VirtualMachine', name, namespace);
  const ours = machine !== undefined && isMarked(machine.metadata.labels, input);
  if (!ours && (await runs(cluster, input.target)))
    throw new TranshipError(
      'target.runs',
      `${namespace}/${name} bears no label of ours any more: it is not ours to stop`,
    );
  if (ours && (await cluster.get('VirtualMachineInstance', name, namespace)))
    await cluster.stopVirtualMachine(name, namespace, graceSeconds);
  const at = new Date(clock.now()).toISOString();
  // Also where it is halted already: a start that was on its way finds another VM than it had looked at.
  const stopped = { metadata: { annotations: { [stoppedAt]: at } }, spec: { runStrategy: 'Halted' } };
  if (ours) await cluster.merge('VirtualMachine', name, namespace, stopped);
  const instance = { kind: 'VirtualMachineInstance', namespace, name } as const;
  if (ours && !(await cluster.until(instance, none, { deadlineMs: stopMs, clock, signal })))
    throw new TranshipError(
      'target.unhealthy',
      `${namespace}/${name} still runs ${stopMs / 1000} s after it was stopped`,
    );
  await removeWork(target, input, context);
  return { at };
}

/** The workbench goes, and with it what it was asked for: the next one would take what this one left. */
async function dismiss(
  target: Target,
  { migration, vm, workbench }: StepInput<'release'>,
  context: StepContext,
): Promise<string[]> {
  const was = await endWorkbench(target, { migration, vm, workbench }, context);
  for (const service of ['transfer', 'converter'] as const) await target.commands.purge(service, migration, vm);
  return was ? [`Job ${target.config.workNamespace}/${workbench}`] : [];
}

async function removeWork(target: Target, input: Input, context: StepContext): Promise<string[]> {
  const { cluster, config, objects } = target;
  const removed = await dismiss(target, input, context);
  // Nobody is left who writes there.
  await objects.prune(input);
  const claims = await cluster.list('PersistentVolumeClaim', config.workNamespace, { labels: selector(input) });
  for (const { metadata } of claims)
    removed.push(
      ...(await removeAndWait(cluster, 'PersistentVolumeClaim', metadata.name, config.workNamespace, context)),
    );
  return removed;
}

export async function removeAndWait(
  cluster: Target['cluster'],
  kind: Kind,
  name: string,
  namespace: string,
  { clock, signal }: StepContext,
): Promise<string[]> {
  await cluster.remove(kind, name, namespace);
  if (await cluster.until({ kind, namespace, name }, none, { deadlineMs: goneMs, clock, signal }))
    return [`${kind} ${namespace}/${name}`];
  throw new TranshipError(
    'kube.rejected',
    `${kind} ${namespace}/${name} is still there ${goneMs / 1000} s after its removal`,
    { retry: true },
  );
}

import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { retry, type StepContext } from '@tranship/service-kit';
import { isMarked, selector, startedAt, stoppedAt } from '../domain/names.ts';
import type { Target } from '../ports.ts';

/** KubeVirt writes on a VM that has just been made. */
const races = { attempts: 6, baseMs: 50, maxMs: 1_000 };

/**
 * Starts the VM, once the source is seen to be off since the final pass. With the start the moment is written on it: whoever
 * finds it knows that its disks may have changed since. The VM is started as it was before that look, or not at all.
 */
export async function start(
  { cluster, config, sourceOff }: Target,
  input: StepInput<'start'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'start'>> {
  const { provider, vm, lastStart } = input;
  const { name, namespace, runStrategy } = input.target;
  const pods = await cluster.list('Pod', config.workNamespace, { labels: selector(input) });
  if (pods.length > 0)
    throw new TranshipError('target.workbench-alive', `pod ${pods[0]!.metadata.name} still has the disks in hand`);
  let uid: string | undefined;
  const attempt = async () => {
    const machine = await cluster.get('VirtualMachine', name, namespace);
    uid ??= machine?.metadata.uid;
    if (!machine || machine.metadata.uid !== uid || !isMarked(machine.metadata.labels, input))
      throw new TranshipError(
        'target.exists',
        `VirtualMachine ${namespace}/${name} is not there, or not of this migration`,
      );
    const { annotations, resourceVersion } = machine.metadata;
    if (annotations?.[stoppedAt] !== undefined)
      throw new TranshipError('migration.state', `${namespace}/${name} was stopped at ${annotations[stoppedAt]}`);
    await sourceOff({ provider, vm, ...(lastStart === undefined ? {} : { lastStart }) });
    signal.throwIfAborted();
    const at = annotations?.[startedAt] ?? new Date(clock.now()).toISOString();
    await cluster.merge('VirtualMachine', name, namespace, {
      metadata: { resourceVersion, annotations: { [startedAt]: at } },
      spec: { runStrategy },
    });
    return { at };
  };
  const retriable = (error: unknown) => TranshipError.from(error).code === 'kube.conflict';
  return retry(attempt, { ...races, clock, signal, retriable });
}

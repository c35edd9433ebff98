import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { isMarked, selector, startedAt } from '../domain/names.ts';
import type { Target } from '../ports.ts';

/** Starts the VM, once the source is seen to be off. The moment is written on it before: whoever finds it knows that its disks may have changed since. */
export async function start(
  { cluster, config, sourcePower }: Target,
  input: StepInput<'start'>,
  { clock }: StepContext,
): Promise<StepResult<'start'>> {
  const { name, namespace, runStrategy } = input.target;
  const labels = selector(input);
  const pods = await cluster.list('Pod', config.workNamespace, { labels });
  if (pods.length > 0)
    throw new TranshipError('target.workbench-alive', `pod ${pods[0]!.metadata.name} still has the disks in hand`);
  const vm = await cluster.get('VirtualMachine', name, namespace);
  if (!vm || !isMarked(vm.metadata.labels, input))
    throw new TranshipError(
      'target.exists',
      `VirtualMachine ${namespace}/${name} is not there, or not of this migration`,
    );
  const powerState = await sourcePower(input.provider, input.vm);
  if (powerState !== 'poweredOff')
    throw new TranshipError('source.contested', `the source ${input.vm} is ${powerState}`);
  const at = vm.metadata.annotations?.[startedAt] ?? new Date(clock.now()).toISOString();
  await cluster.merge('VirtualMachine', name, namespace, { metadata: { annotations: { [startedAt]: at } } });
  await cluster.merge('VirtualMachine', name, namespace, { spec: { runStrategy } });
  return { at };
}

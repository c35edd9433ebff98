import type { TargetVm } from '@tranship/contracts';
import type { Target } from '../ports.ts';

/** With these KubeVirt starts it without being told. */
const running: ReadonlySet<unknown> = new Set(['Always', 'RerunOnFailure', 'Once']);

/** Whether a VM of that name runs, or is about to: ours or not. */
export async function runs(
  cluster: Pick<Target['cluster'], 'get'>,
  { namespace, name }: Pick<TargetVm, 'namespace' | 'name'>,
): Promise<boolean> {
  if (await cluster.get('VirtualMachineInstance', name, namespace)) return true;
  const spec = (await cluster.get('VirtualMachine', name, namespace))?.spec;
  return spec?.running === true || running.has(spec?.runStrategy);
}

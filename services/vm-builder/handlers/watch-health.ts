import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import type { StepContext } from '@tranship/service-kit';
import { type Health, health, type Instance } from '../domain/health.ts';
import type { Target } from '../ports.ts';

/** Waits until the guest is well, as far as the plan asks for it. */
export async function watchHealth(
  { cluster }: Target,
  { target, agent, deadlineMs }: StepInput<'watchHealth'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'watchHealth'>> {
  const { name, namespace } = target;
  let last: Health | undefined;
  const well = ([instance]: readonly KubeObject[]) => {
    last = health(instance as Instance | undefined, target);
    return last.proven || (agent === 'ignore' && last.running) ? last : undefined;
  };
  const watched = { kind: 'VirtualMachineInstance', namespace, name } as const;
  await cluster.until(watched, well, { deadlineMs, clock, signal });
  const { running = false, proven = false, node = '', nics = [], seen = 'nothing' } = last ?? {};
  const enough =
    proven || (running && agent === 'ignore') || (running && agent === 'ifPresent' && nics.every((nic) => !nic.name));
  if (!enough) throw new TranshipError('target.unhealthy', `after ${deadlineMs / 1000} s: ${seen}`);
  return { at: new Date(clock.now()).toISOString(), proven, node, nics };
}

import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { poll, type StepContext } from '@tranship/service-kit';
import { type Health, health, type Instance } from '../domain/health.ts';
import type { Target } from '../ports.ts';

const everyMs = 500;

/** Waits until the guest is well, as far as the plan asks for it. */
export async function watchHealth(
  { cluster }: Target,
  { target, agent, deadlineMs }: StepInput<'watchHealth'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'watchHealth'>> {
  const { name, namespace } = target;
  let last: Health | undefined;
  const well = async () => {
    last = health((await cluster.get('VirtualMachineInstance', name, namespace)) as Instance | undefined, target);
    return last.proven || (agent === 'ignore' && last.running) ? last : undefined;
  };
  await poll(well, { everyMs, deadlineMs, clock, signal });
  const { running = false, proven = false, node = '', nics = [], seen = 'nothing' } = last ?? {};
  const enough =
    proven || (running && agent === 'ignore') || (running && agent === 'ifPresent' && nics.every((nic) => !nic.name));
  if (!enough) throw new TranshipError('target.unhealthy', `after ${deadlineMs / 1000} s: ${seen}`);
  return { at: new Date(clock.now()).toISOString(), proven, node, nics };
}

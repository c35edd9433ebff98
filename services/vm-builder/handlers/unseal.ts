import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { type Health, health, type Instance, linksUp } from '../domain/health.ts';
import type { Target } from '../ports.ts';

/** KubeVirt takes some seconds to set a link. */
const openMs = 120_000;

/** Waits for the guest agent, which needs no network; then the links go up, and are seen up. */
export async function unseal(
  { cluster }: Target,
  { target, deadlineMs }: StepInput<'unseal'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'unseal'>> {
  const { name, namespace } = target;
  const watched = { kind: 'VirtualMachineInstance', namespace, name } as const;
  const now = () => new Date(clock.now()).toISOString();
  let last: Health | undefined;
  const answers = await cluster.until(
    watched,
    ([instance]) => {
      last = health(instance as Instance | undefined, target);
      return last.agent ? true : undefined;
    },
    { deadlineMs, clock, signal },
  );
  if (!answers)
    throw new TranshipError('target.unhealthy', `its links are down, and after ${deadlineMs / 1000} s: ${last?.seen}`);
  const answered = now();
  await open(cluster, name, namespace);
  const up = ([instance]: readonly unknown[]) => (linksUp(instance as Instance | undefined) ? true : undefined);
  if (!(await cluster.until(watched, up, { deadlineMs: openMs, clock, signal })))
    throw new TranshipError('target.unhealthy', `its links did not go up within ${openMs / 1000} s`);
  return { answered, opened: now(), nics: target.nics.map(({ mac }) => mac) };
}

/** As if it had never been sealed. What somebody else changes at the same moment is tried again with the step. */
async function open(cluster: Target['cluster'], name: string, namespace: string): Promise<void> {
  const machine = await cluster.get('VirtualMachine', name, namespace);
  if (!machine) throw new TranshipError('target.unhealthy', `VirtualMachine ${namespace}/${name} is gone`);
  const { interfaces = [] } = machine.spec.template.spec.domain.devices as { interfaces?: { state?: string }[] };
  if (!interfaces.some(({ state }) => state === 'down')) return;
  const opened = interfaces.map(({ state, ...rest }) => (state === 'down' ? rest : { ...rest, state }));
  await cluster.merge('VirtualMachine', name, namespace, {
    metadata: { resourceVersion: machine.metadata.resourceVersion },
    spec: { template: { spec: { domain: { devices: { interfaces: opened } } } } },
  });
}

import { type Check, checkSchema, TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import type { Ask } from '../ports.ts';

/** Whether all stands that a migration needs: each thing by itself, with a fix where it does not. */
export const doctorEndpoints = (ask: Ask): Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/doctor',
    summary: 'Whether every service, the target cluster and every provider answer, each with a fix',
    role: 'viewer',
    write: false,
    result: z.object({ checks: z.array(checkSchema) }),
    handle: async () => ({ body: { checks: await checks(ask) } }),
  }),
];

async function checks(ask: Ask): Promise<Check[]> {
  const look = async (name: string, fix: string, work: () => Promise<string>): Promise<Check> => {
    try {
      return { name, ok: true, detail: await work() };
    } catch (error) {
      const { code, detail, fix: own } = TranshipError.from(error);
      // That a service is away is told with what to do about this one.
      return { name, ok: false, detail, fix: code === 'service.unavailable' ? fix : own };
    }
  };
  const restart = (service: string) =>
    `Start ${service}, and see its log: its NATS user and password, then its settings`;
  const [planner, inventory, builder] = await Promise.all([
    look('planner', restart('planner'), async () => `${(await ask('listPlans', {})).items.length} plans`),
    look('inventory', restart('inventory'), async () => `${(await ask('listProviders', {})).items.length} providers`),
    look('target cluster', restart('vm-builder'), async () => {
      const { storageClasses, namespaces } = await ask('targetFacts', { namespace: 'default' });
      const found = `${namespaces.length} namespaces, storage classes ${storageClasses.join(', ')}`;
      if (storageClasses.length > 0) return found;
      throw new TranshipError('target.pvc-unbound', 'the target cluster has no storage class');
    }),
  ]);
  return [...given, planner!, inventory!, builder!, ...(inventory!.ok ? await providers(ask) : [])];
}

/** Who reads this has come through both. */
const given: readonly Check[] = [
  { name: 'gateway', ok: true, detail: 'answers' },
  { name: 'NATS', ok: true, detail: 'carries questions and answers' },
];

async function providers(ask: Ask): Promise<Check[]> {
  const { items } = await ask('listProviders', {});
  return items.map(({ metadata: { name }, spec, status }) => {
    const { state } = status as { state: string };
    const check = { name: `provider ${name}`, ok: state === 'ready', detail: `${spec.url} is ${state}` };
    return check.ok ? check : { ...check, fix: `See what fails: tranship provider test ${name}` };
  });
}

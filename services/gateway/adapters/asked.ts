import type { Plan, Provider } from '@tranship/contracts';
import type { Ask, Resource } from '../ports.ts';

const removal = (name: string, resourceVersion: string | undefined) => ({
  name,
  ...(resourceVersion === undefined ? {} : { resourceVersion }),
});

/** Providers are inventory's. */
export const providers = (ask: Ask): Resource<Provider> => ({
  list: async () => (await ask('listProviders', {})).items,
  get: (name) => ask('getProvider', { name }),
  put: (document) => ask('putProvider', document),
  remove: async (name, version) => void (await ask('deleteProvider', removal(name, version))),
});

/** Plans are the planner's. */
export const plans = (ask: Ask): Resource<Plan> => ({
  list: async () => (await ask('listPlans', {})).items,
  get: (name) => ask('getPlan', { name }),
  put: (document) => ask('putPlan', document),
  remove: async (name, version) => void (await ask('deletePlan', removal(name, version))),
});

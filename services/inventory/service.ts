import type { Owner } from '@tranship/bus';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { Providers } from './adapters/providers.ts';
import type { Config } from './config.ts';
import { inventoryQueries } from './handlers/inventory.ts';
import { findChanges, snapshot } from './handlers/points.ts';
import { checkOff, powerOff, powerOn, type TargetRuns } from './handlers/power.ts';
import { providerQueries } from './handlers/providers.ts';
import { removeSnapshot, tidySource } from './handlers/tidy.ts';

/** inventory: the only one that speaks the vSphere API. */
export async function service(_config: Config, kit: Kit): Promise<ServiceTable> {
  const providers = new Providers(kit);
  const find = (name: string) => providers.find(name);
  const targetRuns: TargetRuns = async (target) => (await kit.query('targetRuns', target)).runs;
  const world = (owner: Owner) => ({ find, keep: (text: string) => kit.bus.objects.put(text, owner) });
  return {
    ready: () => providers.caughtUp,
    steps: {
      powerOff: (input, context) => powerOff(find, input, context),
      snapshot: (input, context) => snapshot(world(input), input, context),
      findChanges: (input, context) => findChanges(world(input), input, context),
      removeSnapshot: (input, context) => removeSnapshot(find, input, context),
      tidySource: (input, context) => tidySource(find, input, context),
      checkOff: (input, context) => checkOff(find, input, context),
      powerOn: (input, context) => powerOn(find, targetRuns, input, context),
    },
    queries: {
      ...providerQueries(providers, kit),
      ...inventoryQueries(providers),
      room: async ({ provider, vms }) => ({ rooms: await providers.synced(provider).rooms(vms) }),
      latency: async ({ provider, vms }) => ({ latencies: await providers.synced(provider).latencies(vms) }),
      sourceOff: (input, context) => checkOff(find, input, context),
    },
    background: { providers: (signal) => providers.follow(signal) },
    stop: async () => {
      await providers.close();
    },
  };
}

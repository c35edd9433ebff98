import type { Kit, ServiceTable } from '@tranship/service-kit';
import { Providers } from './adapters/providers.ts';
import type { Config } from './config.ts';
import { inventoryQueries } from './handlers/inventory.ts';
import { checkOff, powerOff, powerOn } from './handlers/power.ts';
import { providerQueries } from './handlers/providers.ts';

/** inventory: the only one that speaks the vSphere API. */
export async function service(_config: Config, kit: Kit): Promise<ServiceTable> {
  const providers = new Providers(kit);
  const find = (name: string) => providers.find(name);
  return {
    ready: () => providers.caughtUp,
    steps: {
      powerOff: (input, context) => powerOff(find, input, context),
      checkOff: (input, context) => checkOff(find, input, context),
      powerOn: (input, context) => powerOn(find, input, context),
    },
    queries: { ...providerQueries(providers, kit), ...inventoryQueries(providers) },
    background: { providers: (signal) => providers.follow(signal) },
    stop: async () => {
      await providers.close();
    },
  };
}

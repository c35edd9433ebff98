import type { Kit, ServiceTable } from '@tranship/service-kit';
import { storedAreas } from './adapters/areas.ts';
import { ledgers } from './adapters/ledgers.ts';
import { anySource } from './adapters/source.ts';
import { volumes } from './adapters/volumes.ts';
import type { Config } from './config.ts';
import { copy } from './handlers/copy.ts';
import { prove } from './handlers/prove.ts';
import type { Ports } from './ports.ts';

/** transfer: moves the bytes of one VM, in its workbench. */
export async function service(config: Config, { bus, clock }: Kit): Promise<ServiceTable> {
  const { migration, vm } = config;
  const ports: Ports = {
    volumes: volumes(config),
    openSource: anySource(config, clock),
    areas: storedAreas(bus.objects),
    limit: () => bus.limits.get(migration, vm),
    ledgers: ledgers(bus.objects, config),
  };
  return {
    scope: { migration, vm },
    concurrency: 1,
    steps: {
      copy: (input, context) => copy(ports, input, context),
      prove: (input, context) => prove(ports, input, context),
    },
  };
}

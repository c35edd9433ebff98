import type { Kit, ServiceTable } from '@tranship/service-kit';
import { vddkSource } from './adapters/vddk-source.ts';
import { volumes } from './adapters/volumes.ts';
import type { Config } from './config.ts';
import { copy } from './handlers/copy.ts';
import { prove } from './handlers/prove.ts';

/** transfer: moves the bytes of one VM, in its workbench. */
export async function service(config: Config, _kit: Kit): Promise<ServiceTable> {
  const ports = { volumes: volumes(config), openSource: vddkSource(config) };
  return {
    scope: { migration: config.migration, vm: config.vm },
    concurrency: 1,
    steps: {
      copy: (input, context) => copy(ports, input, context),
      prove: (input, context) => prove(ports, input, context),
    },
  };
}

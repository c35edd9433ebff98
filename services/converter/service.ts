import type { Kit, ServiceTable } from '@tranship/service-kit';
import type { Config } from './config.ts';
import { convert } from './handlers/convert.ts';
import { inspect } from './handlers/inspect.ts';
import { rehearse } from './handlers/rehearse.ts';

/** converter: makes the guest of one VM fit KVM, in its workbench. */
export async function service(config: Config, { bus }: Kit): Promise<ServiceTable> {
  return {
    scope: { migration: config.migration, vm: config.vm },
    concurrency: 1,
    steps: {
      inspect: (input, context) => inspect(config, input, context),
      rehearse: (input, context) => rehearse(config, bus.objects, input, context),
      convert: (input, context) => convert(config, input, context),
    },
  };
}

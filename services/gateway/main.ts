import { runService } from '@tranship/service-kit';
import { configSchema } from './config.ts';
import { gateway } from './service.ts';

await runService('gateway', configSchema, gateway);

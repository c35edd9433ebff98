import { runService } from '@tranship/service-kit';
import { configSchema } from './config.ts';
import { service } from './service.ts';

await runService('planner', configSchema, service);

import { runService } from '@tranship/service-kit';
import { z } from 'zod';
import { service } from './service.ts';

await runService('planner', z.object({}), (_, kit) => service(kit));

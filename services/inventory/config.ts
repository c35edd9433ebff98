import { z } from 'zod';

/** Nothing beyond what every service is told: providers and their credentials come by message. */
export const configSchema = z.object({});
export type Config = z.infer<typeof configSchema>;

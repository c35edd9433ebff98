import { z } from 'zod';

/** The downtime that a cutover would cost now, in seconds, and what it is made of. */
export const forecastSchema = z.object({
  /** The pass after which it was made. */
  pass: z.number().int(),
  /** Bytes that the guest changes, per second. */
  writeRate: z.number(),
  /** Bytes that a pass copies, per second. */
  copyRate: z.number(),
  seconds: z.number(),
  low: z.number(),
  high: z.number(),
  parts: z.object({
    shutdown: z.number(),
    delta: z.number(),
    prove: z.number(),
    convert: z.number(),
    handOver: z.number(),
    boot: z.number(),
  }),
});
export type Forecast = z.infer<typeof forecastSchema>;

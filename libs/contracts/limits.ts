import { z } from 'zod';

/** What a person allows a VM's copy: megabytes (10^6 bytes) a second of its source; null: as much as there is. */
export const throttleSchema = z.object({ mbps: z.number().positive().nullable() });

/**
 * What a VM's copy may read of its source while a datastore answers slowly, MB/s; null: no less than ever. `was`: what it read
 * before it was slowed.
 */
export const paceSchema = z.object({
  mbps: z.number().positive().nullable(),
  was: z.number().positive(),
  why: z.string(),
});

/** What a workbench may read of its source now: the planner writes it, the workbench looks at it while it copies. */
export const limitSchema = z.object({ bytesPerSecond: z.number().positive().nullable() });
export type Limit = z.infer<typeof limitSchema>;

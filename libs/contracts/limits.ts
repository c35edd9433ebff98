import { z } from 'zod';

/** What a person allows a VM's copy: megabytes (10^6 bytes) a second of its source; null: as much as there is. */
export const throttleSchema = z.object({ mbps: z.number().positive().nullable() });

/** What a workbench may read of its source now: the planner writes it, the workbench looks at it while it copies. */
export const limitSchema = z.object({ bytesPerSecond: z.number().positive().nullable() });
export type Limit = z.infer<typeof limitSchema>;

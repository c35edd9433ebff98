import { z } from 'zod';

export const concernSchema = z.object({
  /** Stable: `area.what`. */
  id: z.string(),
  category: z.enum(['critical', 'warning', 'information']),
  label: z.string(),
  why: z.string(),
  fix: z.string(),
  /** The plan's reason for accepting it: then it stops nothing. */
  accepted: z.string().optional(),
  /** Where in the source model, e.g. `disks[2000].backing`. */
  path: z.string(),
});
export type Concern = z.infer<typeof concernSchema>;

export const validationSchema = z.object({
  plan: z.string(),
  ready: z.boolean(),
  vms: z.array(z.object({ id: z.string(), name: z.string(), concerns: z.array(concernSchema) })),
});
export type Validation = z.infer<typeof validationSchema>;

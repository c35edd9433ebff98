import { z } from 'zod';
import { catalogue } from './concerns/catalogue.ts';
import type { ConcernEntry } from './concerns/entry.ts';

export const concernSchema = z.object({
  /** Stable: `area.what`, of the catalogue below; of a guest that cannot be converted the code of its refusal. */
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

export type ConcernId = keyof typeof catalogue;
export const concernCatalogue: Readonly<Record<ConcernId, ConcernEntry>> = catalogue;

/** What the catalogue says, and what was found. */
export function concernOf(id: ConcernId, why: string, path: string): Concern {
  const { category, label, fix } = concernCatalogue[id];
  return { id, category, label, why, fix, path };
}

export const validationSchema = z.object({
  plan: z.string(),
  ready: z.boolean(),
  vms: z.array(z.object({ id: z.string(), name: z.string(), concerns: z.array(concernSchema) })),
});
export type Validation = z.infer<typeof validationSchema>;

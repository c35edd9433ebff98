import type { Plan } from '@tranship/contracts';

/** One event of a plan folded in. `status.archived` says since when it is archived (ISO time). */
export function foldPlan(
  plan: Plan | undefined,
  { type, time, data }: { readonly type: string; readonly time: string; readonly data: unknown },
): Plan | undefined {
  if (type === 'plan.accepted' || type === 'plan.changed') return data as Plan;
  if (type === 'plan.removed') return undefined;
  return type === 'plan.archived' && plan ? { ...plan, status: { archived: time } } : plan;
}

export const isArchived = ({ status }: Plan): boolean =>
  (status as { archived?: string } | undefined)?.archived !== undefined;

import type { EventData, Plan, Validation } from '@tranship/contracts';

/** One event of a plan folded in. `status.archived` says since when it is archived (ISO time). */
export function foldPlan(
  plan: Plan | undefined,
  { type, time, data }: { readonly type: string; readonly time: string; readonly data: unknown },
): Plan | undefined {
  if (type === 'plan.accepted' || type === 'plan.changed') return data as Plan;
  if (type === 'plan.removed') return undefined;
  return type === 'plan.archived' && plan ? { ...plan, status: { archived: time } } : plan;
}

/** What a validation of the plan as it is told last. */
export function foldValidated(
  last: EventData<'plan.validated'> | undefined,
  { type, data }: { readonly type: string; readonly data: unknown },
): EventData<'plan.validated'> | undefined {
  if (type === 'plan.validated') return data as EventData<'plan.validated'>;
  return type === 'plan.archived' ? last : undefined;
}

export function summary(generation: number, { ready, vms }: Validation): EventData<'plan.validated'> {
  const all = vms.flatMap(({ concerns }) => concerns);
  const count = (category: string) => all.filter((concern) => concern.category === category).length;
  return {
    ...{ generation, ready, vms: vms.length },
    ...{ critical: count('critical'), warning: count('warning'), information: count('information') },
  };
}

export const isArchived = ({ status }: Plan): boolean =>
  (status as { archived?: string } | undefined)?.archived !== undefined;

import { BusConflict } from '@tranship/bus';
import { type Plan, TranshipError, type TranshipEvent, type Validation } from '@tranship/contracts';
import { foldPlan, foldValidated, summary } from '../domain/plan.ts';
import type { Aggregates, Model } from '../ports.ts';
import { unlessOvertaken } from './conflict.ts';

const tries = 10;

/**
 * Appends what is decided by a plan as it is, and gives it as it then is. That it was validated lies among its changes: whom
 * that overtakes decides again. Whom another person overtakes is told.
 */
export async function changePlan(
  all: Aggregates,
  name: string,
  decide: (current: Plan | undefined, seq: number) => TranshipEvent | undefined,
): Promise<Plan | undefined> {
  const overtaken = new TranshipError('document.conflict', `somebody else changed the plan ${name} just now`);
  let first: string | undefined;
  for (let i = 0; i < tries; i++) {
    const { events, seq } = await all.read('plan', name);
    const current = events.reduce<Plan | undefined>(foldPlan, undefined);
    if (i === 0) first = current?.metadata.resourceVersion;
    if (current?.metadata.resourceVersion !== first) throw overtaken;
    const event = decide(current, seq);
    if (!event) return current;
    try {
      await all.append('plan', [name], event, seq);
      return foldPlan(current, { ...event, time: '' });
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
  throw overtaken;
}

/** States what a validation of a stored plan told, unless that is what was stated last of the same generation. */
export async function tellValidation(
  all: Aggregates,
  model: Model,
  { metadata: { name, resourceVersion, generation = 1 } }: Plan,
  validation: Validation,
): Promise<void> {
  const data = summary(generation, validation);
  const isNews = (last: object | undefined) => JSON.stringify(last) !== JSON.stringify(data);
  if (!isNews(model.validated(name))) return;
  const { events, seq } = await all.read('plan', name);
  const current = events.reduce<Plan | undefined>(foldPlan, undefined);
  // Of one that was changed meanwhile it says nothing.
  if (current?.metadata.resourceVersion !== resourceVersion || !isNews(events.reduce(foldValidated, undefined))) return;
  await unlessOvertaken(all.append('plan', [name], { type: 'plan.validated', data }, seq));
}

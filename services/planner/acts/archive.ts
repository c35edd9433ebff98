import { durationMs, type Plan, TranshipError } from '@tranship/contracts';
import { type Course, isFinal } from '../domain/course.ts';
import type { MigrationFold } from '../domain/migration.ts';
import { isArchived } from '../domain/plan.ts';
import { archiving } from '../domain/states.ts';
import type { Aggregates, Model } from '../ports.ts';
import { changePlan } from './plan-log.ts';
import { underway } from './underway.ts';

/** Plans whose migrations have been over for as long as they say, and which nobody archived. */
export const archiveDue = (model: Model, now: number): string[] =>
  model.plans().flatMap((plan) => {
    // A plan that an older planner stored has no such word.
    const { after } = (plan.spec.archive as Plan['spec']['archive'] | undefined) ?? { after: 'never' };
    const ends = ofPlan(model, plan.metadata.name).map(({ finished }) => finished?.at);
    if (after === 'never' || isArchived(plan) || ends.length === 0) return [];
    const over = ends.every((at) => at !== undefined && Date.parse(at) + durationMs(after) <= now);
    return over ? [plan.metadata.name] : [];
  });

export const ofPlan = (model: Model, plan: string): MigrationFold[] =>
  model.migrations().filter(({ started }) => started.plan === plan);

/** @throws TranshipError `migration.active` while one of the plan's VMs is moved, by whichever plan */
export function refuseActive(model: Model, plan: string): void {
  const own = ofPlan(model, plan);
  const moves = (course: Course | undefined) => !course || !(isFinal(course) || archiving.has(course.state));
  const active = own.find(
    (each) => !each.finished && each.started.vms.some((vm) => moves(model.course(each.id, vm.id))),
  );
  if (active) throw new TranshipError('migration.active', `${active.id} runs by the plan ${plan}`);
  for (const { id, started } of own)
    for (const vm of started.vms) {
      const { plan: pinned, archived } = model.course(id, vm.id) ?? {};
      const other = pinned && !archived && underway(model, pinned.connection.provider, vm.id, id);
      if (other) throw new TranshipError('migration.active', `${vm.name} is moved by ${other.id}`);
    }
}

/** States that a plan is archived, once every course of it is. Safe to call at any time, by any replica. */
export async function conclude(all: Aggregates, model: Model, name: string): Promise<void> {
  const courses = ofPlan(model, name).flatMap(({ id, started }) => started.vms.map((vm) => model.course(id, vm.id)));
  if (!courses.every((course) => course?.archived)) return;
  await changePlan(all, name, (plan) => (plan && !isArchived(plan) ? { type: 'plan.archived', data: {} } : undefined));
}

import type { Plan } from '@tranship/contracts';
import { archiveDue, conclude, ofPlan, refuseActive } from '../acts/archive.ts';
import { tellOutcome } from '../acts/outcome.ts';
import { isFinal } from '../domain/course.ts';
import { isArchived } from '../domain/plan.ts';
import type { Aggregates, CourseLog, Model } from '../ports.ts';
import { type Drives, sayAll } from './migrations.ts';
import { find } from './plans.ts';

/**
 * Archives a plan that is over: each of its VMs is tidied up after, as a part of its course, and then the plan is stated to be
 * archived. Asked again while that goes on, or after a failure, it goes on.
 */
export async function archivePlan(
  all: Aggregates,
  log: CourseLog,
  model: Model,
  soon: Drives,
  name: string,
): Promise<Plan> {
  const plan = find(model, name);
  if (isArchived(plan)) return plan;
  refuseActive(model, name);
  for (const migration of ofPlan(model, name)) {
    const courses = migration.started.vms.flatMap(({ id }) => model.course(migration.id, id) ?? []);
    const open = courses.filter((course) => !course.archived && isFinal(course));
    if (open.length === 0) continue;
    await sayAll(log, open, { type: 'vm.archive-requested', data: {} });
    await tellOutcome(all, model, migration.id);
    soon.add(migration.id);
  }
  await conclude(all, model, name);
  await model.current();
  return find(model, name);
}

/** Archives what is due by its plan's own word; what cannot be yet is asked again with the next sweep. */
export async function archiveSweep(
  all: Aggregates,
  log: CourseLog,
  model: Model,
  soon: Drives,
  now: number,
  failed: (plan: string, error: unknown) => void,
): Promise<void> {
  for (const name of archiveDue(model, now))
    await archivePlan(all, log, model, soon, name).catch((error: unknown) => failed(name, error));
}

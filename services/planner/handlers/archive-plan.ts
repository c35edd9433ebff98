import type { Plan } from '@tranship/contracts';
import { archiveDue, conclude, ofPlan, refuseActive } from '../archive.ts';
import { isFinal } from '../domain/course.ts';
import { isArchived } from '../domain/plan.ts';
import type { Driver } from '../drive.ts';
import type { Aggregates, CourseLog, Model } from '../ports.ts';
import { reopened, say } from './migrations.ts';
import { find } from './plans.ts';

/**
 * Archives a plan that is over: each of its VMs is tidied up after, as a part of its course, and then the plan is stated to be
 * archived. Asked again while that goes on, or after a failure, it goes on.
 */
export async function archivePlan(
  all: Aggregates,
  log: CourseLog,
  model: Model,
  driver: Driver,
  name: string,
): Promise<Plan> {
  const plan = find(model, name);
  if (isArchived(plan)) return plan;
  refuseActive(model, name);
  for (const migration of ofPlan(model, name)) {
    const courses = await Promise.all(migration.started.vms.map(({ id }) => log.load(migration.id, id)));
    const open = courses.filter((course) => !course.archived && isFinal(course));
    if (open.length === 0) continue;
    const going = await reopened(all, migration);
    for (const course of open) await say(log, course, { type: 'vm.archive-requested', data: {} });
    await driver.drive(going);
  }
  await conclude(all, log, model, name);
  await model.current();
  return find(model, name);
}

/** Archives what is due by its plan's own word; what cannot be yet is asked again with the next sweep. */
export async function archiveSweep(
  all: Aggregates,
  log: CourseLog,
  model: Model,
  driver: Driver,
  now: number,
  failed: (plan: string, error: unknown) => void,
): Promise<void> {
  for (const name of archiveDue(model, now))
    await archivePlan(all, log, model, driver, name).catch((error: unknown) => failed(name, error));
}

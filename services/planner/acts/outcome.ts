import { outcome } from '../domain/migration.ts';
import type { Aggregates, Model } from '../ports.ts';
import { conclude } from './archive.ts';
import { unlessOvertaken } from './conflict.ts';

/** States that a migration is over, or, with a VM that is tried again or archived, is not, as its courses now have it. */
export async function tellOutcome(all: Aggregates, model: Model, id: string): Promise<void> {
  await model.current();
  const migration = model.migration(id);
  if (!migration) return;
  const courses = migration.started.vms.map((vm) => model.course(id, vm.id));
  const state = outcome(courses);
  if ((state === undefined) === (migration.finished === undefined)) return;
  // First: an archiving that is cut off here goes on, for its migration is not over.
  if (state && courses.every((course) => course?.archived)) await conclude(all, model, migration.started.plan);
  await unlessOvertaken(
    state
      ? all.append('migration', [id], { type: 'migration.finished', data: { state } }, migration.seq)
      : all.append('migration', [id], { type: 'migration.reopened', data: {} }, migration.seq),
  );
}

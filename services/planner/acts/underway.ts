import type { QueryResult } from '@tranship/contracts';
import { type Course, isFinal } from '../domain/course.ts';
import type { MigrationFold } from '../domain/migration.ts';
import type { Model } from '../ports.ts';

/** The migration that moves this VM now, other than `own`: two of one VM would start it twice. */
export function underway(model: Model, provider: string, vm: string, own?: string): MigrationFold | undefined {
  const moves = (course: Course | undefined, { started, finished }: MigrationFold) =>
    course?.plan
      ? course.plan.connection.provider === provider && !isFinal(course)
      : // It is about to be queued.
        started.source === provider && !finished;
  // A course that its migration does not name is of a start that was cut off.
  const names = ({ started }: MigrationFold) => started.vms.some(({ id }) => id === vm);
  return model.migrations().find((each) => each.id !== own && moves(model.course(each.id, vm), each) && names(each));
}

/** What a provider is needed for: VMs that are moved from it, and copies that are kept for a retry. */
export function usesOf(model: Model, provider: string): QueryResult<'providerUses'>['uses'] {
  return model.migrations().flatMap(({ id, started, finished }) =>
    started.vms.flatMap(({ id: vm, name }) => {
      const course = model.course(id, vm);
      // About to be queued: it needs what it was started from.
      if (!course?.plan)
        return started.source === provider && !finished ? [{ migration: id, vm: name, kept: false }] : [];
      if (course.plan.connection.provider !== provider) return [];
      const kept = isFinal(course);
      return kept && (!course.kept || course.archived) ? [] : [{ migration: id, vm: name, kept }];
    }),
  );
}

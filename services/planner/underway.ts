import type { QueryResult } from '@tranship/contracts';
import { type Course, isFinal } from './domain/course.ts';
import type { Model } from './ports.ts';

/** The course that moves this VM now, of a migration other than `own`: two of one VM would start it twice. */
export function underway(model: Model, provider: string, vm: string, own?: string): Course | undefined {
  const courses = model.migrations().flatMap(({ id }) => (id === own ? [] : (model.course(id, vm) ?? [])));
  return courses.find((course) => course.plan?.connection.provider === provider && !isFinal(course));
}

/** What a provider is needed for: VMs that are moved from it, and copies that are kept for a retry. */
export function usesOf(model: Model, provider: string): QueryResult<'providerUses'>['uses'] {
  return model.migrations().flatMap(({ id, started }) =>
    started.vms.flatMap(({ id: vm, name }) => {
      const course = model.course(id, vm);
      if (course?.plan?.connection.provider !== provider) return [];
      const kept = isFinal(course);
      return kept && (!course.kept || course.archived) ? [] : [{ migration: id, vm: name, kept }];
    }),
  );
}

import { type Course, isFinal } from './domain/course.ts';
import type { Model } from './ports.ts';

/** The course that moves this VM now, of a migration other than `own`: two of one VM would start it twice. */
export function underway(model: Model, provider: string, vm: string, own?: string): Course | undefined {
  const courses = model.migrations().flatMap(({ id }) => (id === own ? [] : (model.course(id, vm) ?? [])));
  return courses.find((course) => course.plan?.connection.provider === provider && !isFinal(course));
}

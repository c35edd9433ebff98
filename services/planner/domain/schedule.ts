import type { Course } from './course.ts';
import type { StoredPermit } from './permits.ts';

/** Which queued VM of a migration may begin now: the first in the plan's order while a permit is free. */
export function admissible(
  order: readonly string[],
  courses: ReadonlyMap<string, Course>,
  held: readonly StoredPermit[],
  limit: number,
  migration: string,
): string | undefined {
  const mine = held.filter((permit) => permit.migration === migration);
  const queued = order.find((vm) => {
    const course = courses.get(vm);
    return course?.state === 'QU' && course.cancelledIn === undefined;
  });
  if (queued === undefined) return undefined;
  return mine.some((permit) => permit.vm === queued) || mine.length < limit ? queued : undefined;
}

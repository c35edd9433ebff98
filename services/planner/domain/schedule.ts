import type { Course } from './course.ts';
import { type StoredPermit, sessionsOn } from './permits.ts';

/** Disks of one VM that are copied at once, at most: more of one VM gains little. */
const mostAtOnce = 4;

/** Sessions that a VM asks of its host: never more than the host bears. */
export const sessionsFor = (disks: number, perHost: number): number =>
  Math.max(1, Math.min(mostAtOnce, disks, perHost));

/**
 * Which queued VM of a migration may begin now: the first in the plan's order for which there is room, in the migration and
 * on its host. One whose permit was granted but whose admission was not written yet has its room already; one that another
 * migration moves waits until that is over, whoever was started first.
 */
export function admissible(
  order: readonly string[],
  courses: ReadonlyMap<string, Course>,
  held: readonly StoredPermit[],
  limit: number,
  migration: string,
): Course | undefined {
  const mine = held.filter((permit) => permit.migration === migration);
  const elsewhere = (vm: string) => held.some((permit) => permit.vm === vm && permit.migration !== migration);
  const queued = order
    .map((vm) => courses.get(vm))
    .filter(
      (course) => course?.state === 'QU' && course.cancelledIn === undefined && !elsewhere(course.vm),
    ) as Course[];
  const granted = queued.find(({ vm }) => mine.some((permit) => permit.vm === vm));
  if (granted || mine.length >= limit) return granted;
  return queued.find(({ plan }) => sessionsOn(plan!.host, held) + plan!.sessions <= plan!.sessionsPerHost);
}

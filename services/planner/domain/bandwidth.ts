import type { Course } from './course.ts';
import { isReading } from './guard.ts';
import { dueStep } from './next.ts';

const mega = 1_000_000;

/** What one VM's copy may read of its source, bytes a second; null: nothing limits it. */
export interface Share {
  readonly migration: string;
  readonly vm: string;
  readonly bytesPerSecond: number | null;
}

/**
 * The shares of the copies that run. A provider's bandwidth is dealt out evenly; what a VM that a person throttled leaves of
 * its part goes to the others, and so does what is left by one that is slowed for the sake of its datastores. The least come first: who writes them in this order lowers before it raises.
 */
export function shares(courses: Iterable<Course>, bandwidthMBps: (provider: string) => number): Share[] {
  const copying = new Map<string, Course[]>();
  for (const course of courses) {
    if (dueStep(course) !== 'copy' || !course.plan) continue;
    const { provider } = course.plan.connection;
    copying.set(provider, [...(copying.get(provider) ?? []), course]);
  }
  return [...copying].flatMap(([provider, those]) => deal(those, bandwidthMBps(provider) || infinity)).sort(leastFirst);
}

const infinity = Number.POSITIVE_INFINITY;
const own = (course: Course) =>
  Math.min(course.throttle ?? infinity, (isReading(course) && course.paced?.mbps) || infinity);
const leastFirst = (a: Share, b: Share) => (a.bytesPerSecond ?? infinity) - (b.bytesPerSecond ?? infinity) || 0;

/** Those who want least are served first: what they leave is there for the rest. */
function deal(courses: readonly Course[], mbps: number): Share[] {
  const modest = [...courses].sort((a, b) => own(a) - own(b) || 0);
  let left = mbps;
  return modest.map((course, i) => {
    const share = Math.min(own(course), left / (modest.length - i));
    left -= share;
    const { migration, vm } = course;
    return { migration, vm, bytesPerSecond: share === infinity ? null : Math.round(share * mega) };
  });
}

import type { EventData, MigrationStatus, VmStatus } from '@tranship/contracts';
import { type Course, isFinal } from './course.ts';
import { downtimeParts } from './downtime.ts';
import { dueStep } from './next.ts';
import { stateNames } from './states.ts';

/** One migration: what was started, and how it ended. */
export interface MigrationFold {
  readonly id: string;
  readonly started: EventData<'migration.started'>;
  readonly at: string;
  readonly finished: { readonly state: 'succeeded' | 'failed' | 'cancelled'; readonly at: string } | undefined;
  readonly seq: number;
}

/** How a migration ended, once every course is over; `undefined` while one is not. */
export function outcome(courses: readonly (Course | undefined)[]): 'succeeded' | 'failed' | 'cancelled' | undefined {
  if (courses.some((course) => course === undefined || !isFinal(course))) return undefined;
  const states = new Set(courses.map((course) => course!.state));
  if (states.has('FA')) return 'failed';
  return states.has('CA') ? 'cancelled' : 'succeeded';
}

export function describe(migration: MigrationFold, courses: ReadonlyMap<string, Course>): MigrationStatus {
  const { id, started, at, finished } = migration;
  const vms = started.vms.map((vm): VmStatus => {
    const course = courses.get(vm.id);
    return {
      ...vm,
      state: course ? stateNames[course.state] : stateNames.NW,
      step: (course && dueStep(course)) ?? null,
      attempt: course?.tries ?? 1,
      since: course?.since || at,
      ...(course && (course.failure ?? course.error) ? { error: course.failure?.error ?? course.error } : {}),
      results: { ...course?.results },
      ...(course && course.passes.length > 0
        ? { passes: course.passes.map(({ point: _, copied: __, proven: ___, ...pass }) => pass) }
        : {}),
      ...(course?.forecast ? { forecast: course.forecast } : {}),
      ...(course ? { downtime: downtimeParts(course), paused: course.paused } : {}),
      ...(course?.throttle === undefined ? {} : { throttleMBps: course.throttle }),
    };
  });
  return {
    id,
    plan: started.plan,
    state: finished?.state ?? 'running',
    started: at,
    ...(finished ? { finished: finished.at } : {}),
    vms,
  };
}

import type { EventData, MigrationStatus, VmStatus } from '@tranship/contracts';
import { type Course, isFinal } from './course.ts';
import { downtimeParts } from './downtime.ts';
import { isPaced } from './guard.ts';
import { dueStep } from './next.ts';
import { stateNames } from './states.ts';
import { type Present, waitsFor } from './waiting.ts';

/** One migration: what was started, and how it ended. */
export interface MigrationFold {
  readonly id: string;
  readonly started: EventData<'migration.started'>;
  readonly at: string;
  readonly finished: { readonly state: 'succeeded' | 'failed' | 'cancelled'; readonly at: string } | undefined;
  /** Sequence of its start. */
  readonly begun: number;
  /** Sequence of its last event: what the next append expects. */
  readonly seq: number;
}

/** How a migration ended, once every course is over; `undefined` while one is not. */
export function outcome(courses: readonly (Course | undefined)[]): 'succeeded' | 'failed' | 'cancelled' | undefined {
  if (courses.some((course) => course === undefined || !isFinal(course))) return undefined;
  const states = new Set(courses.map((course) => course!.state));
  if (states.has('FA')) return 'failed';
  return states.has('CA') ? 'cancelled' : 'succeeded';
}

export function describe(
  migration: MigrationFold,
  courses: ReadonlyMap<string, Course>,
  present: Omit<Present, 'others'>,
): MigrationStatus {
  const { id, started, at, finished } = migration;
  const vms = started.vms.map((vm): VmStatus => {
    const course = courses.get(vm.id);
    const error = course?.failure?.error ?? course?.owed ?? course?.error;
    const waits = course && waitsFor(course, { ...present, others: [] });
    return {
      ...vm,
      state: course ? stateNames[course.state] : stateNames.NW,
      step: (course && dueStep(course)) ?? null,
      attempt: course?.tries ?? 1,
      since: course?.since || at,
      ...(error ? { error } : {}),
      results: course?.results ?? {},
      ...(course && course.passes.length > 0
        ? { passes: course.passes.map(({ point: _, copied: __, proven: ___, ...pass }) => pass) }
        : {}),
      ...(course?.forecast ? { forecast: course.forecast } : {}),
      ...(course ? { downtime: downtimeParts(course), paused: course.paused } : {}),
      ...(course?.released ? { released: true } : {}),
      ...((course?.kept || course?.ran) && !course.archived ? { kept: true } : {}),
      ...(course && course.concerns.length > 0 ? { concerns: [...course.concerns] } : {}),
      ...(waits === undefined ? {} : { waits }),
      ...(course?.paced && isPaced(course) ? { paced: `to ${course.paced.mbps} MB/s: ${course.paced.why}` } : {}),
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

import { BusConflict } from '@tranship/bus';
import type { Course } from '../domain/course.ts';
import { next } from '../domain/next.ts';
import type { Present } from '../domain/waiting.ts';
import type { Commands, CourseLog } from '../ports.ts';
import type { Snapshots } from './snapshots.ts';

/** What moves courses on. */
export interface Engine {
  readonly log: CourseLog;
  readonly commands: Commands;
  readonly present: () => Omit<Present, 'others'>;
  readonly snapshots: Pick<Snapshots, 'grant'>;
}

/** Facts that one move may state in a row before it must come to a command or a rest. */
const bound = 20;

/**
 * Moves one VM on: states the facts that are due, then publishes the command that is due. Safe to call at any time,
 * from any replica (gives the course as it then stands): a lost race is read again, a command already published is not doubled.
 */
export async function advance(
  { log, commands, present, snapshots }: Engine,
  migration: string,
  vm: string,
): Promise<Course> {
  for (let i = 0; i < bound; i++) {
    const course = await log.load(migration, vm);
    const others = await groupOf(log, course);
    const due = next(course, { ...present(), others });
    if (!due) return course;
    if (due.kind === 'command') {
      await commands.issue(course, due);
      return course;
    }
    if (due.event.type === 'vm.pass-started' && !(await snapshots.grant(course))) return course;
    await log.append(course, due.event).catch((error: unknown) => {
      if (!(error instanceof BusConflict)) throw error;
    });
  }
  throw new Error(`the course of ${migration}/${vm} does not come to rest`);
}

/** The other courses of a course's group, as the log has them. */
const groupOf = (log: CourseLog, { migration, vm, plan }: Course): Promise<Course[]> =>
  Promise.all((plan?.group ?? []).filter((id) => id !== vm).map((id) => log.load(migration, id)));

/** Moves one VM on, and then those of its group: what it has come to may be what they waited for. */
export async function advanceGroup(engine: Engine, migration: string, vm: string): Promise<Course> {
  const course = await advance(engine, migration, vm);
  for (const other of course.plan?.group ?? []) if (other !== vm) await advance(engine, migration, other);
  return course;
}

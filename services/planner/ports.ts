import type { Aggregate, EventData, Plan, TranshipEvent } from '@tranship/contracts';
import type { Course } from './domain/course.ts';
import type { History } from './domain/forecast.ts';
import type { MigrationFold } from './domain/migration.ts';
import type { Due } from './domain/next.ts';
import type { StoredPermit } from './domain/permits.ts';
import type { HeldSnapshot } from './domain/snapshots.ts';

/** What the planner needs of the world. */
export interface CourseLog {
  /** Folds one VM's events from the log itself. */
  load(migration: string, vm: string): Promise<Course>;
  /** @throws BusConflict when somebody appended first. */
  append(course: Course, event: TranshipEvent): Promise<void>;
}

export interface Commands {
  /** Publishes the command that is due, unless it already waits or is in work. */
  issue(course: Course, due: Extract<Due, { kind: 'command' }>): Promise<void>;
}

/** What a workbench may read of its source, bytes a second; null: nothing limits it. */
export interface Limits {
  get(migration: string, vm: string): Promise<number | null>;
  put(migration: string, vm: string, bytesPerSecond: number | null): Promise<void>;
}

/** Any aggregate by its subject. */
export interface Aggregates {
  read(
    aggregate: Aggregate,
    ...id: string[]
  ): Promise<{
    events: { type: string; time: string; seq: number; data: unknown; traceparent?: string }[];
    seq: number;
  }>;
  append(
    aggregate: Aggregate,
    id: string[],
    event: TranshipEvent,
    expected: number,
    traceparent?: string,
  ): Promise<number>;
}

/**
 * The projection: the fold of all events up to one of them, kept current. What is decided by it is appended with the sequences
 * that it gives; who is told of a conflict has it read on, and decides again.
 */
export interface Model {
  plan(name: string): Plan | undefined;
  plans(): Plan[];
  /** What a validation of it told last, if it was not changed since. */
  validated(name: string): EventData<'plan.validated'> | undefined;
  migration(id: string): MigrationFold | undefined;
  migrations(): MigrationFold[];
  course(migration: string, vm: string): Course | undefined;
  courses(): Course[];
  /** Who holds a permit of a provider, and the sequence of the last word about them. */
  permits(provider: string): { readonly held: readonly StoredPermit[]; readonly seq: number };
  /** Who may have a snapshot open at a provider, and the sequence of the last word about it. */
  snapshots(provider: string): { readonly held: readonly HeldSnapshot[]; readonly seq: number };
  /** What a provider bears, MB/s; 0: no limit is given. */
  bandwidthMBps(provider: string): number;
  /** Returns when all is folded that was in the log when it was called: who wrote something, by whichever replica, reads it. */
  current(): Promise<void>;
  /** What the steps of a cutover took in the migrations so far. */
  history(): History;
}

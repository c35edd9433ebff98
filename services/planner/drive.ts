import { BusConflict } from '@tranship/bus';
import { admit, returnPermit } from './admit.ts';
import { advance, type Engine } from './advance.ts';
import { conclude } from './archive.ts';
import type { Course } from './domain/course.ts';
import { isFinal } from './domain/course.ts';
import { type MigrationFold, outcome } from './domain/migration.ts';
import { wakeAt } from './domain/waiting.ts';
import type { Aggregates, Model } from './ports.ts';
import type { Snapshots } from './snapshots.ts';

export interface Driver {
  /** Moves every course of a migration on that has something due, admits the next, and ends the migration when all are over. */
  drive(migration: MigrationFold): Promise<void>;
  /** The same for all migrations that are not finished: what was lost between an event and its command is issued again. */
  sweep(): Promise<void>;
  /** Begins the passes that are due: a datastore bears one more snapshot. */
  beginPasses(): Promise<void>;
  /** When a course that waits for its time has to be looked at, milliseconds since the epoch. */
  nextWake(now: number): number | undefined;
}

export function driver(all: Aggregates, engine: Engine, model: Model, snapshots: Snapshots): Driver {
  const { log } = engine;
  const running = () =>
    model
      .migrations()
      .filter(({ finished }) => !finished)
      .flatMap(({ id, started }) => started.vms.flatMap((vm) => model.course(id, vm.id) ?? []));
  const drive = async (migration: MigrationFold) => {
    const { id, started } = migration;
    const admitted = new Set(await admit(all, log, migration));
    const courses: Course[] = [];
    for (const vm of started.vms) {
      const known = model.course(id, vm.id);
      if (!known || !isFinal(known) || admitted.has(vm.id)) await advance(engine, id, vm.id);
      const course = await log.load(id, vm.id);
      await returnPermit(all, course);
      if (course.plan) await snapshots.giveBack(course);
      courses.push(course);
    }
    const state = outcome(courses);
    if (state === undefined || migration.finished) return;
    // First: an archiving that is cut off here goes on, for its migration is not over.
    if (courses.every(({ archived }) => archived)) await conclude(all, log, model, started.plan);
    const { seq } = await all.read('migration', id);
    if (seq !== migration.seq) return;
    await all
      .append('migration', [id], { type: 'migration.finished', data: { state } }, seq)
      .catch((error: unknown) => {
        if (!(error instanceof BusConflict)) throw error;
      });
  };
  return {
    drive,
    sweep: async () => {
      // One that cannot be moved on keeps none after it waiting.
      const failures: unknown[] = [];
      for (const migration of model.migrations())
        if (!migration.finished) await drive(migration).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
    beginPasses: async () => {
      for (const { migration, vm, state } of running()) if (state === 'WT') await advance(engine, migration, vm);
    },
    nextWake: (now) => {
      const present = { ...engine.present(), now };
      const times = running().flatMap((course) => wakeAt(course, present) ?? []);
      return times.length > 0 ? Math.min(...times) : undefined;
    },
  };
}

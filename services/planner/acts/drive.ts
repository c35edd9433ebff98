import { type Course, isFinal } from '../domain/course.ts';
import type { MigrationFold } from '../domain/migration.ts';
import { next } from '../domain/next.ts';
import { wakeAt } from '../domain/waiting.ts';
import type { Aggregates, Model } from '../ports.ts';
import { admit, providerOf, returnPermits } from './admit.ts';
import { advance, advanceGroup, type Engine } from './advance.ts';
import { tellOutcome } from './outcome.ts';
import { queue } from './queue.ts';
import type { Snapshots } from './snapshots.ts';

export interface Driver {
  /** Moves every course of a migration on that has something due, admits the next, and ends the migration when all are over. */
  drive(migration: string): Promise<void>;
  /** A course of it is over: admits the next, and ends the migration when all are. */
  refill(migration: string): Promise<void>;
  /** Drives all migrations that are not over: what was lost between an event and its command is issued again. */
  sweep(): Promise<void>;
  /** Begins the passes that are due: a datastore bears one more snapshot. */
  beginPasses(): Promise<void>;
  /** When a course that waits for its time has to be looked at, milliseconds since the epoch. */
  nextWake(now: number): number | undefined;
}

/** By the model it is seen for whom there is anything to do; what is done is decided by the log. */
export function driver(all: Aggregates, engine: Engine, model: Model, snapshots: Snapshots): Driver {
  const { log } = engine;
  const coursesOf = ({ id, started }: MigrationFold) => started.vms.flatMap((vm) => model.course(id, vm.id) ?? []);
  /** A course may be tried again just when its migration is stated to be over. */
  const isOpen = (migration: MigrationFold) =>
    !migration.finished || coursesOf(migration).some((course) => !isFinal(course));
  const running = () => model.migrations().filter(isOpen).flatMap(coursesOf);
  const othersOf = ({ migration, vm, plan }: Course) =>
    (plan?.group ?? []).flatMap((id) => (id === vm ? [] : (model.course(migration, id) ?? [])));
  const fill = async (migration: MigrationFold) => {
    const provider = providerOf(coursesOf(migration));
    if (provider === undefined) return;
    await returnPermits(all, model, provider);
    for (const vm of await admit(all, log, model, migration)) await advance(engine, migration.id, vm);
  };
  const drive = async (id: string) => {
    await model.current();
    const migration = model.migration(id);
    if (!migration) return;
    if (await queue(all, model, migration)) await model.current();
    await fill(migration);
    const present = engine.present();
    await each(coursesOf(migration), async (course) => {
      if (course.plan) await snapshots.giveBack(course);
      const due = next(course, { ...present, others: othersOf(course) });
      // A fact may be what the others of its group wait for.
      if (due) await (due.kind === 'event' ? advanceGroup : advance)(engine, id, course.vm);
    }).finally(() => tellOutcome(all, model, id));
  };
  return {
    drive,
    refill: async (id) => {
      await model.current();
      const migration = model.migration(id);
      if (!migration) return;
      await fill(migration);
      await tellOutcome(all, model, id);
    },
    sweep: () => each(model.migrations().filter(isOpen), ({ id }) => drive(id)),
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

/** One that cannot be moved on keeps none after it waiting. @throws what the first of them failed with, once all had their turn */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) await work(item).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

import { BusConflict } from '@tranship/bus';
import {
  mostBytes,
  pageOf,
  type QueryParsed,
  type QueryResult,
  TranshipError,
  type TranshipEvent,
  type VmEventType,
} from '@tranship/contracts';
import type { ServiceTable } from '@tranship/service-kit';
import type { Engine } from '../acts/advance.ts';
import { inLanes } from '../acts/lanes.ts';
import { tellOutcome } from '../acts/outcome.ts';
import { queue } from '../acts/queue.ts';
import type { Soon } from '../acts/soon.ts';
import { underway } from '../acts/underway.ts';
import { type Course, newCourse } from '../domain/course.ts';
import { describe, type MigrationFold } from '../domain/migration.ts';
import { signedProofOf } from '../domain/proof.ts';
import { rehearsalOf } from '../domain/rehearsal.ts';
import { reportOf } from '../domain/report.ts';
import { stateNames, transition } from '../domain/states.ts';
import type { Aggregates, CourseLog, Model } from '../ports.ts';

type Queries = NonNullable<ServiceTable['queries']>;
type Act = QueryParsed<'actOnMigration'>;

function eventFor({ verb, at, force, mbps }: Omit<Act, 'name' | 'vm'>): TranshipEvent {
  switch (verb) {
    case 'cutover':
      return { type: 'vm.cutover-requested', data: { force, ...(at === undefined ? {} : { at }) } };
    case 'cancel':
      return { type: 'vm.cancel-requested', data: {} };
    case 'retry':
      return { type: 'vm.retried', data: {} };
    case 'pause':
      return { type: 'vm.paused', data: {} };
    case 'resume':
      return { type: 'vm.resumed', data: {} };
    case 'rollback':
      return { type: 'vm.rollback-requested', data: {} };
    case 'rehearse':
      return { type: 'vm.rehearsal-requested', data: {} };
    case 'throttle':
      return { type: 'vm.throttled', data: { mbps } };
  }
}

/** VMs that a page of migrations tells of, but for a migration that has more. */
const mostVms = 5_000;
const readAtOnce = 16;
/** Which migrations are to be moved on, once the answer is given. */
export type Drives = Pick<Soon, 'add'>;

/** Migrations: read, and acted on by people. */
export function migrationQueries(all: Aggregates, engine: Engine, soon: Drives, model: Model): Queries {
  const { log } = engine;
  const status = (migration: MigrationFold) => describe(migration, known(model, migration), engine.present());
  return {
    getMigration: async ({ name }) => status(find(model, name)),
    listMigrations: async ({ plan, ...page }) => {
      const chosen = model.migrations().filter(({ started }) => plan === undefined || started.plan === plan);
      const weight = { weightOf: ({ started }: MigrationFold) => started.vms.length, most: mostVms };
      const { items, ...more } = pageOf(chosen, ({ id }) => id, page, weight);
      return { items: items.map((migration) => status(migration)), ...more };
    },
    actOnMigration: async ({ name, vm, ...act }) => {
      const event = eventFor(act);
      const migration = find(model, name);
      const chosen = migration.started.vms.filter((each) => vm === undefined || each.id === vm || each.name === vm);
      if (chosen.length === 0) throw new TranshipError('document.not-found', `${name} has no VM ${vm ?? ''}`);
      // A word counts for those too that the start has not come to yet.
      if (await queue(all, model, migration)) await model.current();
      const courseOf = (id: string) => model.course(name, id) ?? newCourse(name, id);
      const named = chosen.map(({ id }) => courseOf(id));
      const courses = act.verb === 'retry' ? withGroups(named).map(courseOf) : named;
      const possible = courses.filter((course) => allowed(course, event));
      if (act.verb === 'retry') for (const course of possible) refuseElsewhere(model, course);
      if (possible.length === 0) {
        const where = courses
          .map(
            (course) =>
              `${course.plan?.name ?? course.vm} is ${course.archived ? 'archived' : stateNames[course.state]}`,
          )
          .join(', ');
        throw new TranshipError('migration.state', `nothing to ${act.verb}: ${where}`);
      }
      await sayAll(log, possible, event);
      await tellOutcome(all, model, name);
      soon.add(name);
      await model.current();
      return status(find(model, name));
    },
    proof: async ({ name, vm }) => {
      const found = findVm(model, name, vm);
      const proof = signedProofOf(await log.load(name, found.id));
      if (!proof) throw new TranshipError('proof.none', `the target of ${found.name} is not made yet`);
      return proof;
    },
    rehearsal: async ({ name, vm }) => {
      const { id, name: called } = findVm(model, name, vm);
      const rehearsal = rehearsalOf(await log.load(name, id));
      if (!rehearsal) throw new TranshipError('rehearsal.none', `no copy of ${called} was rehearsed`);
      return rehearsal;
    },
    report: async ({ name, vm }) => {
      const { id } = findVm(model, name, vm);
      const [course, { events }] = await Promise.all([log.load(name, id), all.read('vm', name, id)]);
      if (!course.plan) throw new TranshipError('document.not-found', `${vm} of ${name} was never queued`);
      return reportOf(course, course.plan, events as Parameters<typeof reportOf>[2]);
    },
    timeline: async ({ name, vm }) => {
      const migration = find(model, name);
      const chosen = migration.started.vms.filter((each) => vm === undefined || each.id === vm || each.name === vm);
      const items: Timeline = [];
      // Some at a time: how much all is together, nobody knows before it is read.
      for (let i = 0, bytes = 0; i < chosen.length; i += readAtOnce) {
        const some = chosen.slice(i, i + readAtOnce);
        const read = await Promise.all(some.map(({ id }) => all.read('vm', name, id)));
        const told = read.flatMap(({ events }, j) => events.map((event) => entry(event, some[j]!.name)));
        bytes += JSON.stringify(told).length;
        if (bytes > mostBytes) throw new TranshipError('service.too-large', `the timeline of ${name}`);
        items.push(...told);
      }
      // What was pinned each VM says as it is queued.
      if (vm === undefined)
        items.push(...(await all.read('migration', name)).events.filter(isTold).map((event) => entry(event)));
      return { items: items.sort((a, b) => a.seq - b.seq) };
    },
  };
}

type Timeline = QueryResult<'timeline'>['items'];
const entry = (event: Timeline[number], vm?: string): Timeline[number] => ({
  ...{ seq: event.seq, time: event.time, type: event.type, data: event.data },
  ...(vm === undefined ? {} : { vm }),
});
const isTold = ({ type }: { type: string }) => type !== 'migration.pinned';

function refuseElsewhere(model: Model, { migration, vm, plan }: Course): void {
  const other = plan && underway(model, plan.connection.provider, vm, migration);
  if (other) throw new TranshipError('migration.active', `${plan.name} is moved by ${other.id}`);
}

/** A group is tried again whole. */
const withGroups = (named: readonly Course[]): string[] => [
  ...new Set(named.flatMap(({ vm, plan }) => [vm, ...(plan?.group ?? [])])),
];

/** A cold migration cuts over by itself: to be told to it has only where a window keeps it. */
const allowed = ({ state, plan, archived }: Course, { type }: TranshipEvent) =>
  transition(state, type as VmEventType) !== '__' &&
  !archived &&
  (type !== 'vm.cutover-requested' || plan?.type === 'warm' || plan?.cutover.window !== undefined);

const races = 20;
const wordsAtOnce = 16;

/**
 * A person's word counts wherever a course has come to meanwhile, as long as it still can be said there; one that has moved on
 * keeps it from no other. @throws TranshipError `document.conflict` where all have
 */
export async function sayAll(log: CourseLog, courses: readonly Course[], event: TranshipEvent): Promise<void> {
  const conflicts: TranshipError[] = [];
  await inLanes(wordsAtOnce, courses, (course) =>
    say(log, course, event).catch((error: unknown) => {
      if (!(error instanceof TranshipError) || error.code !== 'document.conflict') throw error;
      conflicts.push(error);
    }),
  );
  if (conflicts.length > 0 && conflicts.length === courses.length) throw conflicts[0];
}

async function say(log: CourseLog, known: Course, event: TranshipEvent): Promise<void> {
  const { migration, vm } = known;
  for (let i = 0, course = known; i < races && allowed(course, event); i++) {
    try {
      return await log.append(course, event);
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
      course = await log.load(migration, vm);
    }
  }
  throw new TranshipError('document.conflict', `${vm} has just moved on`);
}

function find(model: Model, name: string): MigrationFold {
  const migration = model.migration(name);
  if (!migration) throw new TranshipError('document.not-found', `there is no migration ${name}`);
  return migration;
}

function findVm(model: Model, name: string, vm: string): { id: string; name: string } {
  const found = find(model, name).started.vms.find((each) => each.id === vm || each.name === vm);
  if (!found) throw new TranshipError('document.not-found', `${name} has no VM ${vm}`);
  return found;
}

const known = (model: Model, { id, started }: MigrationFold): ReadonlyMap<string, Course> =>
  new Map(
    started.vms.flatMap((vm) => {
      const course = model.course(id, vm.id);
      return course ? [[vm.id, course] as const] : [];
    }),
  );

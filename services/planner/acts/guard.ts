import { BusConflict } from '@tranship/bus';
import { TranshipError, type TranshipEvent } from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { errorFields } from '@tranship/service-kit';
import type { Course } from '../domain/course.ts';
import { bothRun, guard, isBeside, isPaced, isWatched, pace } from '../domain/guard.ts';
import type { Model } from '../ports.ts';
import { advanceGroup, type Engine } from './advance.ts';
import type { Rates } from './rates.ts';

type World = Pick<Kit, 'log' | 'query'>;

/** Looks once after what courses do not see by themselves; moves on those for whom it changes anything. */
export async function look(kit: World, engine: Engine, model: Model, rates: Pick<Rates, 'of'>): Promise<void> {
  await lookAtRooms(kit, engine, model);
  await lookAtLatencies(kit, engine, model, rates);
  await lookAtSources(kit, engine, model);
}

/** The room on the datastores of all whose snapshots grow, or may be taken. */
const lookAtRooms = (kit: World, engine: Engine, model: Model): Promise<void> =>
  atProviders(kit.log, model.courses().filter(isWatched), 'the room on the datastores', async (asked, courses) => {
    const { rooms } = await kit.query('room', asked);
    for (const course of courses) {
      const room = rooms.find((each) => each.vm === course.vm);
      if (room) await tell(engine, course, (now) => guard(now, room));
    }
  });

/** How long the datastores take to answer that copies read from. */
const lookAtLatencies = (kit: World, engine: Engine, model: Model, rates: Pick<Rates, 'of'>): Promise<void> =>
  atProviders(kit.log, model.courses().filter(isPaced), 'how long datastores take', async (asked, courses) => {
    const { latencies } = await kit.query('latency', asked);
    const { now } = engine.present();
    for (const course of courses) {
      const latency = latencies.find((each) => each.vm === course.vm);
      const reads = rates.of(course, now);
      await tell(engine, course, (is) => pace(is, latency, reads, now));
    }
  });

/** Asks of the courses' VMs at their providers; one that cannot say keeps no other waiting. */
async function atProviders(
  log: World['log'],
  all: readonly Course[],
  what: string,
  ask: (asked: { provider: string; vms: string[] }, courses: readonly Course[]) => Promise<void>,
): Promise<void> {
  const providers = Map.groupBy(all, ({ plan }) => plan!.connection.provider);
  for (const [provider, courses] of providers) {
    try {
      await ask({ provider, vms: [...new Set(courses.map(({ vm }) => vm))] }, courses);
    } catch (error) {
      log.warn({ provider, ...errorFields(error) }, `${what} is not known just now`);
    }
  }
}

/** The sources of all targets that run: nobody but us waits for them to stay off. */
async function lookAtSources({ log, query }: World, engine: Engine, model: Model): Promise<void> {
  const each = model.courses().filter(isBeside);
  await Promise.all(
    each.map(async (course) => {
      const { vm, plan } = course;
      try {
        await query('sourceOff', { provider: plan!.connection.provider, vm });
      } catch (error) {
        const { code, detail } = TranshipError.from(error);
        if (code === 'source.contested') await tell(engine, course, (now) => bothRun(now, detail));
        else log.warn({ vm, ...errorFields(error) }, 'whether the source is off is not known just now');
      }
    }),
  );
}

/** By the log itself, which may be ahead of the model. What somebody else says at the same moment comes first: there is a next look. */
async function tell(
  engine: Engine,
  known: Course,
  decide: (course: Course) => TranshipEvent | undefined,
): Promise<void> {
  if (!decide(known)) return;
  const { migration, vm } = known;
  const course = await engine.log.load(migration, vm);
  const event = decide(course);
  if (!event) return;
  try {
    await engine.log.append(course, event);
  } catch (error) {
    if (error instanceof BusConflict) return;
    throw error;
  }
  await advanceGroup(engine, migration, vm);
}

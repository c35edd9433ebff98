import { BusConflict } from '@tranship/bus';
import { TranshipError, type TranshipEvent } from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { errorFields } from '@tranship/service-kit';
import { advanceGroup, type Engine } from './advance.ts';
import type { Course } from './domain/course.ts';
import { bothRun, guard, isBeside, isWatched } from './domain/guard.ts';
import type { Model } from './ports.ts';

type World = Pick<Kit, 'log' | 'query'>;

/** Looks once after what courses do not see by themselves; moves on those for whom it changes anything. */
export async function look(kit: World, engine: Engine, model: Model): Promise<void> {
  await lookAtRooms(kit, engine, model);
  await lookAtSources(kit, engine, model);
}

/** The room on the datastores of all whose snapshots grow, or may be taken. */
async function lookAtRooms({ log, query }: World, engine: Engine, model: Model): Promise<void> {
  const courses = model.courses().filter(isWatched);
  const providers = Map.groupBy(courses, ({ plan }) => plan!.connection.provider);
  for (const [provider, all] of providers) {
    try {
      const { rooms } = await query('room', { provider, vms: [...new Set(all.map(({ vm }) => vm))] });
      for (const course of all) {
        const room = rooms.find((each) => each.vm === course.vm);
        if (room) await tell(engine, course, (now) => guard(now, room));
      }
    } catch (error) {
      log.warn({ provider, ...errorFields(error) }, 'the room on the datastores is not known just now');
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
  { migration, vm }: Course,
  decide: (course: Course) => TranshipEvent | undefined,
): Promise<void> {
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

import { BusConflict } from '@tranship/bus';
import type { Kit } from '@tranship/service-kit';
import { errorFields } from '@tranship/service-kit';
import { advanceGroup, type Engine } from './advance.ts';
import { guard, isWatched } from './domain/guard.ts';
import type { Model } from './ports.ts';

/** Looks once after the room on the datastores of all whose snapshots grow, or may be taken; moves on those for whom it changes anything. */
export async function look({ log, query }: Pick<Kit, 'log' | 'query'>, engine: Engine, model: Model): Promise<void> {
  const courses = model.courses().filter(isWatched);
  const providers = Map.groupBy(courses, ({ plan }) => plan!.connection.provider);
  for (const [provider, all] of providers) {
    try {
      const { rooms } = await query('room', { provider, vms: [...new Set(all.map(({ vm }) => vm))] });
      for (const { migration, vm } of all) {
        const room = rooms.find((each) => each.vm === vm);
        if (room && (await tell(engine, migration, vm, room))) await advanceGroup(engine, migration, vm);
      }
    } catch (error) {
      log.warn({ provider, ...errorFields(error) }, 'the room on the datastores is not known just now');
    }
  }
}

/** By the log itself, which may be ahead of the model. What somebody else says at the same moment comes first: there is a next look. */
async function tell(
  engine: Engine,
  migration: string,
  vm: string,
  room: Parameters<typeof guard>[1],
): Promise<boolean> {
  const course = await engine.log.load(migration, vm);
  const event = guard(course, room);
  if (!event) return false;
  try {
    await engine.log.append(course, event);
    return true;
  } catch (error) {
    if (!(error instanceof BusConflict)) throw error;
    return false;
  }
}

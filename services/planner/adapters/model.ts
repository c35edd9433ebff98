import type { Bus, StoredEvent } from '@tranship/bus';
import {
  type EventData,
  fromToken,
  type Plan,
  type Provider,
  subjects,
  TranshipError,
  type TranshipEvent,
} from '@tranship/contracts';
import { apply, type Course, newCourse } from '../domain/course.ts';
import { historyOf } from '../domain/downtime.ts';
import type { MigrationFold } from '../domain/migration.ts';
import { foldPermit } from '../domain/permits.ts';
import { foldPlan, foldValidated } from '../domain/plan.ts';
import { foldSnapshot } from '../domain/snapshots.ts';
import type { Model } from '../ports.ts';

export interface LiveModel extends Model {
  /** Reads the log from its start and keeps the fold current until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
  readonly ready: boolean;
  /** Sequence of the last event that is folded. */
  readonly seq: number;
}

/** What a fold may lag behind before a question is refused. */
const lagMs = 3_000;

/** The projection in memory: rebuilt from the log at each start, never the truth itself. */
export function liveModel(bus: Bus): LiveModel {
  const plans = new Map<string, Plan>();
  const validated = new Map<string, ReturnType<Model['validated']>>();
  const migrations = new Map<string, MigrationFold>();
  const courses = new Map<string, Course>();
  const permits = new Map<string, ReturnType<Model['permits']>>();
  const permitsOf = (provider: string) => permits.get(provider) ?? { held: [], seq: 0 };
  const snapshots = new Map<string, ReturnType<Model['snapshots']>>();
  const snapshotsOf = (provider: string) => snapshots.get(provider) ?? { held: [], seq: 0 };
  const bandwidths = new Map<string, number>();
  let seen = 0;
  let ready = false;
  const waiting = new Set<{ seq: number; done: () => void }>();

  const fold = (event: StoredEvent, [first = '', second = '']: string[]) => {
    switch (event.type) {
      case 'plan.accepted':
      case 'plan.changed':
      case 'plan.validated':
      case 'plan.archived':
      case 'plan.removed': {
        validated.set(first, foldValidated(validated.get(first), event));
        const plan = foldPlan(plans.get(first), event);
        return plan ? plans.set(first, plan) : plans.delete(first);
      }
      case 'permits.granted':
      case 'permits.returned':
        return permits.set(first, { held: foldPermit(permitsOf(first).held, event), seq: event.seq });
      case 'permits.snapshot-granted':
      case 'permits.snapshot-returned':
        return snapshots.set(first, { held: foldSnapshot(snapshotsOf(first).held, event), seq: event.seq });
      case 'provider.added':
        return bandwidths.set(first, (event.data as Provider).spec.limits.bandwidthMBps);
      case 'provider.removed':
        return bandwidths.delete(first);
      case 'migration.started': {
        const started = event.data as EventData<'migration.started'>;
        const { seq, time: at } = event;
        return migrations.set(first, { id: first, started, at, finished: undefined, begun: seq, seq });
      }
      case 'migration.reopened': {
        const migration = migrations.get(first);
        return migration && migrations.set(first, { ...migration, finished: undefined, seq: event.seq });
      }
      case 'migration.finished': {
        const migration = migrations.get(first);
        const { state } = event.data as EventData<'migration.finished'>;
        return (
          migration && migrations.set(first, { ...migration, finished: { state, at: event.time }, seq: event.seq })
        );
      }
      default:
        if (!event.type.startsWith('vm.')) return;
        return courses.set(
          `${first}/${second}`,
          apply(
            courses.get(`${first}/${second}`) ?? newCourse(first, second),
            event as unknown as TranshipEvent,
            event,
          ),
        );
    }
  };

  return {
    plan: (name) => plans.get(name),
    plans: () => [...plans.values()],
    validated: (name) => validated.get(name),
    migration: (id) => migrations.get(id),
    migrations: () => [...migrations.values()],
    course: (migration, vm) => courses.get(`${migration}/${vm}`),
    courses: () => [...courses.values()],
    permits: permitsOf,
    snapshots: snapshotsOf,
    bandwidthMBps: (provider) => bandwidths.get(provider) ?? 0,
    history: () => historyOf(courses.values()),
    current: async () => {
      const seq = await bus.events.lastSequence();
      if (seen >= seq) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const entry = { seq, done: resolve };
      waiting.add(entry);
      const lag = () =>
        reject(new TranshipError('service.unavailable', `the planner has read its log up to ${seen} of ${seq}`));
      const timer = setTimeout(lag, lagMs);
      await promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(entry);
      });
    },
    get ready() {
      return ready;
    },
    get seq() {
      return seen;
    },
    follow: (signal) =>
      bus.events.follow(
        subjects.events(),
        seen + 1,
        (event) => {
          if (event.seq <= seen) return;
          seen = event.seq;
          const id = event.subject.split('.').slice(4).map(fromToken);
          fold(event, id);
          for (const each of waiting) if (each.seq <= seen) each.done();
        },
        signal,
        () => {
          ready = true;
        },
      ),
  };
}

import type { ErrorCode, EventData, Problem, Reached } from '@tranship/contracts';
import { type Known, wasOn } from './power.ts';
import type { State } from './states.ts';

/** Of a course: what its tries depend on. */
export interface Trying extends Known {
  readonly state: State;
  /** The source was told to stop, so that going back means starting it. */
  readonly stopped: boolean;
  /** The last failure of the present step; `again` while it is to be tried once more. */
  readonly failure: { readonly error: Problem; readonly again: boolean; readonly at: string } | undefined;
  /** Of a step that fails: since when, and how often, without progress. */
  readonly stuck: Stuck | undefined;
}

/** A step that fails, and what its tries are counted from. */
export interface Stuck {
  /** The first failure since the last progress (ISO time). */
  readonly since: string;
  /** Failures since then, and those of them that were not the source's being away. */
  readonly failures: number;
  readonly spent: number;
  /** How far each disk has ever come. */
  readonly reached: readonly Reached[];
}
type Failure = Pick<EventData<'vm.step-failed'>, 'error' | 'reached'>;

/** Tries of one step without progress before the course turns back. */
const maxTries = 6;
/** So long a source that is away is waited for, from the first failure without progress. */
const patienceMs = 24 * 3_600_000;
/** Before a step is tried again, by the failures so far: what is away for a moment, or restarted, is back by then. */
const pauses = [1_000, 5_000, 20_000, 60_000, 120_000, 300_000];

/** The source cannot be reached, or its host is not there: others bring it back. */
const away: ReadonlySet<ErrorCode> = new Set([
  ...(['vsphere.unreachable', 'vsphere.session', 'vsphere.host-away', 'transfer.read', 'transfer.busy'] as const),
]);
/** The source runs on in these. */
const beside: ReadonlySet<State> = new Set<State>(['SN', 'PC', 'RM']);
const cutover: ReadonlySet<State> = new Set<State>(['ST', 'FC', 'CP']);

/** Nobody is down while it stands still: the source runs, or did not run before. Who is off beside it, in its group, does wait. */
const isUnhurried = (course: Trying): boolean =>
  beside.has(course.state) ||
  (course.state === 'TY' && !course.stopped) ||
  (cutover.has(course.state) && !wasOn(course) && course.plan!.group.length < 2);

/** A failure that is waited out for hours: it costs no try. */
export const isPatient = (course: Trying, { code, retry }: Problem): boolean =>
  retry && away.has(code) && isUnhurried(course);

/** What one more failure makes of it: tries are counted since a disk came further than ever before. */
export function stuckBy(course: Trying, { error, reached = [] }: Failure, at: string): Stuck {
  const known = course.stuck?.reached ?? [];
  const before = reached.some((disk) => disk.doneBytes > bytesOf(known, disk)) ? undefined : course.stuck;
  const others = known.filter(({ disk }) => !reached.some((each) => each.disk === disk));
  return {
    since: before?.since ?? at,
    failures: (before?.failures ?? 0) + 1,
    spent: (before?.spent ?? 0) + (isPatient(course, error) ? 0 : 1),
    reached: [
      ...others,
      ...reached.map((each) => ({ ...each, doneBytes: Math.max(each.doneBytes, bytesOf(known, each)) })),
    ],
  };
}
const bytesOf = (known: readonly Reached[], { disk }: Reached) =>
  known.find((each) => each.disk === disk)?.doneBytes ?? 0;

/** Whether a step that fails at this time (milliseconds since the epoch) is tried again. */
export function isTriedAgain(course: Trying, failure: Failure, now: number): boolean {
  const { since, spent } = stuckBy(course, failure, new Date(now).toISOString());
  return failure.error.retry && spent < maxTries && now < Date.parse(since) + patienceMs;
}

/** When the step that failed is tried again, milliseconds since the epoch. */
export const againAt = ({ failure, stuck }: Trying): number | undefined =>
  failure?.again ? Date.parse(failure.at) + (pauses[(stuck?.failures ?? 1) - 1] ?? pauses.at(-1)!) : undefined;

/** Why nothing happens just now, where it is the source that is waited for. */
export function waitsForSource(course: Trying, now: number): string | undefined {
  const { failure, stuck } = course;
  const at = againAt(course);
  if (!failure || !stuck || at === undefined || now >= at || !isPatient(course, failure.error)) return undefined;
  const [next, last] = [at, Date.parse(stuck.since) + patienceMs].map((ms) => new Date(ms).toISOString());
  return `for its source, which is tried again at ${next}, until ${last}: ${failure.error.detail}`;
}

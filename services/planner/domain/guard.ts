import { type Latency, type Room, TranshipError, type TranshipEvent, tellLatency, tellRoom } from '@tranship/contracts';
import type { Course } from './course.ts';
import { isWanted } from './rehearsal.ts';
import type { State } from './states.ts';

/** A pass may begin, or one is under way whose snapshot grows. */
const watched: ReadonlySet<State> = new Set<State>(['WT', 'PC', 'PP']);
/** So much more room than is needed must be there before passes go on: else the first would be given up at once. */
const ample = 1.25;

/** Whether the room on its datastores has to be watched. */
export const isWatched = (course: Course): boolean =>
  watched.has(course.state) && (course.plan?.type === 'warm' || isWanted(course));

/** Its target runs, or may, and its course is not over. */
export const isBeside = ({ state }: Course): boolean => state === 'WA' || state === 'SE';

/** A source that was started meanwhile: a person decides which of the two lives. */
export const bothRun = (course: Course, detail: string): TranshipEvent | undefined =>
  isBeside(course)
    ? { type: 'vm.decision-needed', data: { error: new TranshipError('source.both-run', detail).toProblem() } }
    : undefined;

/** What the room found for its snapshot means to a course; `undefined`: nothing new. */
export function guard(course: Course, room: Room): TranshipEvent | undefined {
  if (!isWatched(course)) return undefined;
  const { freeBytes, needBytes } = room;
  if (course.guarded) return freeBytes >= needBytes * ample ? { type: 'vm.eased', data: {} } : undefined;
  if (freeBytes >= needBytes) return undefined;
  const error = new TranshipError('source.low-space', tellRoom(room)).toProblem();
  return { type: 'vm.guarded', data: { error } };
}

/** Its copy reads from the source's datastores, and others use them: it may take longer. The last pass of a warm migration may not, whose VM is down for so long. */
export const isReading = ({ state, plan }: Course): boolean =>
  state === 'PC' || (state === 'CP' && plan?.type === 'cold');
/** Whether it has to be watched how long its datastores take to answer. */
export const isPaced = (course: Course): boolean =>
  isReading(course) || (course.state === 'WT' && course.paced !== undefined);

/** So long a change must have lasted before another: hosts tell of 20 s at a time. */
const settleMs = 30_000;
/** Less a copy is never slowed to, megabytes a second: it is to come to an end. */
const leastMBps = 5;
/** So near to what it read before it is not slowed any more. */
const nearly = 0.8;
/** Of what a datastore may take, so much or less is well below. */
const calm = 0.6;

/**
 * What the latency of its datastores (undefined: not known) means to a copy that reads so many megabytes a second (undefined: not
 * known): half of that, step by step, and back by the same steps; `undefined`: nothing new. `now`: milliseconds since the epoch.
 */
export function pace(
  course: Course,
  latency: Latency | undefined,
  readMBps: number | undefined,
  now: number,
): TranshipEvent | undefined {
  const { paced } = course;
  if (!isPaced(course) || (paced && now - Date.parse(paced.at) < settleMs)) return undefined;
  if (latency && latency.ms > latency.maxMs) {
    const reads = Math.min(Math.round((readMBps ?? infinity) * 10) / 10, paced?.mbps ?? infinity);
    const mbps = Math.max(leastMBps, Math.round(reads / 2));
    const slower = isReading(course) && reads > leastMBps && mbps < infinity;
    return slower ? paceTo(mbps, paced?.was ?? reads, tellLatency(latency)) : undefined;
  }
  if (!paced || (latency && latency.ms > latency.maxMs * calm)) return undefined;
  const mbps = paced.mbps * 2;
  const why = latency ? tellLatency(latency) : 'how long its datastores take to answer is not known, or not watched';
  return paceTo(mbps < paced.was * nearly ? mbps : null, paced.was, why);
}

const infinity = Number.POSITIVE_INFINITY;
const paceTo = (mbps: number | null, was: number, why: string): TranshipEvent => ({
  type: 'vm.paced',
  data: { mbps, was, why },
});

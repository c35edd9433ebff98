import { type Room, TranshipError, type TranshipEvent, tellRoom } from '@tranship/contracts';
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

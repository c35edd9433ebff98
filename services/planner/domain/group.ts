import { type Problem, TranshipError } from '@tranship/contracts';
import type { Course } from './course.ts';
import type { State } from './states.ts';

const startable = ['CK', 'SR', 'WA', 'SE', 'SD', 'OK'] as const satisfies readonly State[];
/** It is ready to be started, or has been. */
const canStart: ReadonlySet<State> = new Set<State>(startable);
/** Its cutover has begun, and was not given up. */
const committed: ReadonlySet<State> = new Set<State>(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', ...startable]);
/** Its source is off, or goes off, and its target waits for the others. */
const underway: ReadonlySet<State> = new Set<State>(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', 'CK']);
const turnedBack: ReadonlySet<State> = new Set<State>(['RT', 'TY', 'RS', 'UD', 'FA', 'CA', 'CO']);
/** Here it can still be put back because another one was. */
const revocable: ReadonlySet<State> = new Set<State>([
  ...(['QU', 'PR', 'WT', 'SN', 'PC', 'PP', 'RM', 'IN', 'RE', 'RL'] as const),
  ...(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', 'CK', 'SR'] as const),
]);

/** Whether all others of the group have begun their cutover, or would begin it now. */
export const allCutOver = (others: readonly Course[], wouldBegin: (other: Course) => boolean): boolean =>
  others.every((other) => committed.has(other.state) || (other.state === 'WT' && wouldBegin(other)));

/** Whether one of the group has begun: neither window nor budget holds the others then, for each minute that they wait it is down. */
export const pulled = (others: readonly Course[]): boolean => others.some(({ state }) => underway.has(state));

/** Whether no target of the group has to be waited for: the sources are looked at together, right before the start. */
export const allCanStart = (others: readonly Course[]): boolean => others.every(({ state }) => canStart.has(state));

/** Its source was seen to be off, and it is let start. What it comes to later undoes no other. */
const checked = ({ entered }: Course): boolean => entered.SR !== undefined;
/** Whether the sources of all others were seen to be off: before that no target of the group starts, and none is done with. */
export const allChecked = (others: readonly Course[]): boolean => others.every(checked);

/** Why a VM whose target has not run is put back: another one of its group was. */
export function groupFailure(course: Course, others: readonly Course[]): Problem | undefined {
  const { state, entered } = course;
  if (!revocable.has(state)) return undefined;
  // One that was put back before this one was queued is about to be tried again as well.
  const failed = others.find(
    (other) =>
      (isBack(other) && !other.restart && other.since >= (entered.QU ?? '') && undoes(other, course)) ||
      (committed.has(state) && other.state === 'WT' && (other.postponed || other.paused)),
  );
  if (!failed) return undefined;
  const why = failed.error ? `: ${failed.error.code}: ${failed.error.detail}` : '';
  return new TranshipError('migration.group', `${failed.plan?.name ?? failed.vm} was put back${why}`).toProblem();
}

/** Its way back may wait for a person. */
const isBack = ({ state, previous }: Course): boolean => turnedBack.has(state === 'DN' && previous ? previous : state);

/** While one is unchecked none was told to start, and all can be put back. */
const undoes = (other: Course, course: Course): boolean => !checked(course) || !checked(other);

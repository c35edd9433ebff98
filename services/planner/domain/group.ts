import { errorCatalogue, type Problem } from '@tranship/contracts';
import type { Course } from './course.ts';
import type { State } from './states.ts';

const startable = ['CK', 'SR', 'WA', 'SE', 'SD', 'OK'] as const satisfies readonly State[];
/** It is ready to be started, or has been. */
const canStart: ReadonlySet<State> = new Set<State>(startable);
/** Its cutover has begun, and was not given up. */
const committed: ReadonlySet<State> = new Set<State>(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', ...startable]);
const turnedBack: ReadonlySet<State> = new Set<State>(['RT', 'TY', 'RS', 'UD', 'FA', 'CA', 'CO']);
/** Here it can still be put back because another one was. */
const revocable: ReadonlySet<State> = new Set<State>([
  ...(['QU', 'PR', 'WT', 'SN', 'PC', 'PP', 'RM', 'IN', 'RL'] as const),
  ...(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', 'CK'] as const),
]);

/** Whether all others of the group have begun their cutover, or would begin it now. */
export const allCutOver = (others: readonly Course[], wouldBegin: (other: Course) => boolean): boolean =>
  others.every((other) => committed.has(other.state) || (other.state === 'WT' && wouldBegin(other)));

/** Whether no target of the group has to be waited for: they start together. */
export const allCanStart = (others: readonly Course[]): boolean => others.every(({ state }) => canStart.has(state));

/** Why a VM whose target has not run is put back: another one of its group was. */
export function groupFailure({ state, entered }: Course, others: readonly Course[]): Problem | undefined {
  // One that was put back before this one was queued is about to be tried again as well.
  const failed = others.find(
    (other) =>
      (turnedBack.has(other.state) && !other.restart && other.since >= (entered.QU ?? '')) ||
      (committed.has(state) && other.state === 'WT' && (other.postponed || other.paused)),
  );
  if (!failed || !revocable.has(state)) return undefined;
  const code = 'migration.group';
  const { title, fix, retry } = errorCatalogue[code];
  const why = failed.error ? `: ${failed.error.code}: ${failed.error.detail}` : '';
  return { code, title, fix, retry, detail: `${failed.plan?.name ?? failed.vm} was put back${why}` };
}

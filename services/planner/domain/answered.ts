import type { Problem, Report, TranshipEvent } from '@tranship/contracts';
import { isTriedAgain } from './again.ts';
import { type Course, eventOf } from './course.ts';

/** Times that a proof may fail before the course turns back. */
const maxProofs = 2;

/** The pass is done again, and compares: what differs is mended. More than twice, something else is wrong. */
const unproven = ({ state, proofFailures }: Course, { code }: Problem) =>
  (state === 'PP' || state === 'PV') && /^transfer\.(proof|ledger)$/.test(code) && proofFailures < maxProofs;

/** What a worker's outcome means to the course that waits for it. `now`: milliseconds since the epoch. */
export function answered(
  course: Course,
  { step, attempt, outcome }: Pick<Report, 'step' | 'attempt' | 'outcome'>,
  now: number,
): TranshipEvent {
  if (outcome.ok) return { type: eventOf[step], data: outcome.result } as TranshipEvent;
  const { error, reached } = outcome;
  if (unproven(course, error)) return { type: 'vm.proof-failed', data: { error } };
  const failure = { error, ...(reached ? { reached } : {}) };
  return { type: 'vm.step-failed', data: { step, attempt, ...failure, again: isTriedAgain(course, failure, now) } };
}

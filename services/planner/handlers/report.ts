import { BusConflict } from '@tranship/bus';
import { type Envelope, type Problem, type Report, reportSchema, type TranshipEvent } from '@tranship/contracts';
import { advanceGroup, type Engine } from '../advance.ts';
import { type Course, eventOf } from '../domain/course.ts';
import { dueStep } from '../domain/next.ts';

/** Tries of one step before the course turns back. */
const maxTries = 6;
/** Times that a proof may fail before the course turns back. */
const maxProofs = 2;
const races = 10;

/** A worker's outcome: becomes an event, and the next command. An answer to another step or attempt is history and changes nothing. */
export async function report(engine: Engine, message: Envelope): Promise<Course> {
  const { log } = engine;
  const answer = reportSchema.parse(message.data);
  for (let i = 0; i < races; i++) {
    const course = await log.load(answer.migration, answer.vm);
    if (!awaited(course, answer)) break;
    try {
      await log.append(course, eventFor(course, answer));
      break;
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
  return advanceGroup(engine, answer.migration, answer.vm);
}

/** The pass is done again, and compares: what differs is mended. More than twice, something else is wrong. */
const unproven = ({ state, proofFailures }: Course, { code }: Problem) =>
  (state === 'PP' || state === 'PV') && /^transfer\.(proof|ledger)$/.test(code) && proofFailures < maxProofs;

const awaited = (course: Course, { step, attempt }: Report) =>
  dueStep(course) === step && course.attempt === attempt && !(course.failure && !course.failure.again);

function eventFor(course: Course, { step, attempt, outcome }: Report): TranshipEvent {
  if (outcome.ok) return { type: eventOf[step], data: outcome.result } as TranshipEvent;
  if (unproven(course, outcome.error)) return { type: 'vm.proof-failed', data: { error: outcome.error } };
  const again = outcome.error.retry && course.tries < maxTries;
  return { type: 'vm.step-failed', data: { step, attempt, error: outcome.error, again } };
}

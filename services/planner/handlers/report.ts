import { BusConflict } from '@tranship/bus';
import { type Envelope, type Report, reportSchema } from '@tranship/contracts';
import { advanceGroup, type Engine } from '../acts/advance.ts';
import { answered } from '../domain/answered.ts';
import type { Course } from '../domain/course.ts';
import { dueStep } from '../domain/next.ts';

const races = 10;

/** A worker's outcome: becomes an event, and the next command. An answer to another step or attempt is history and changes nothing. */
export async function report(engine: Engine, message: Envelope): Promise<Course> {
  const { log } = engine;
  const answer = reportSchema.parse(message.data);
  for (let i = 0; i < races; i++) {
    const course = await log.load(answer.migration, answer.vm);
    if (!awaited(course, answer)) break;
    try {
      await log.append(course, answered(course, answer, engine.present().now));
      break;
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
  return advanceGroup(engine, answer.migration, answer.vm);
}

const awaited = (course: Course, { step, attempt }: Report) =>
  dueStep(course) === step && course.attempt === attempt && !(course.failure && !course.failure.again);

import { z } from 'zod';
import { problemSchema } from './problem.ts';

/** A command that was given up, as the stream of dead letters keeps it: the message as it was, and why. */
export const deadLetterSchema = z.object({ message: z.string(), problem: problemSchema });
export type DeadLetter = z.infer<typeof deadLetterSchema>;

/** What comes back to a query: its result, or what went wrong. */
export const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({ ok: z.literal(false), error: problemSchema }),
]);
export type Answer = z.infer<typeof answerSchema>;

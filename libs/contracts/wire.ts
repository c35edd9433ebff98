import { z } from 'zod';
import { envelopeSchema } from './envelope.ts';
import { limitSchema } from './limits.ts';
import { problemSchema } from './problem.ts';
import { progressSchema, reportSchema } from './steps.ts';

/** What one message of a question or an answer holds: half of what NATS lets pass. Larger ones come in parts. */
export const partBytes = 512 * 1024;
/** What a question, or its answer, may be altogether. */
export const mostBytes = 64 * 1024 * 1024;

export const deadLetterSchema = z.object({ message: z.string(), problem: problemSchema });
export type DeadLetter = z.infer<typeof deadLetterSchema>;

export const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({ ok: z.literal(false), error: problemSchema }),
]);
export type Answer = z.infer<typeof answerSchema>;

export const closedSchema = z.string().min(1);

/** What goes over NATS beside the data of events, steps and queries. */
export const messages = {
  envelope: { about: 'Around every event and command: CloudEvents 1.0, structured', data: envelopeSchema },
  report: { about: 'How a step ended: a command to the planner', data: reportSchema },
  progress: {
    about: 'How far a disk is: each value makes the one before it needless',
    data: progressSchema,
  },
  answer: { about: 'What comes back to a query: its result, or what went wrong', data: answerSchema },
  deadLetter: { about: 'A command that was given up: the message as it was, and why', data: deadLetterSchema },
  limit: { about: 'What a workbench may read of its source, in a bucket: the last word counts', data: limitSchema },
  close: {
    about:
      'A request to a service in its workbench, to let go of the disks for good; the name of its pod says that it did',
    data: z.literal(''),
    answer: closedSchema,
  },
} as const;
export type Messages = typeof messages;
export type MessageName = keyof Messages;

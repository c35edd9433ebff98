import { z } from 'zod';

/** A CloudEvents 1.0 envelope (structured mode, JSON). `id` is deterministic and is also the Nats-Msg-Id. */
export const envelopeSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  subject: z.string().optional(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  traceparent: z.string().optional(),
  data: z.unknown(),
});
export type Envelope<T = unknown> = Omit<z.infer<typeof envelopeSchema>, 'data'> & { data: T };

export interface EnvelopeParts<T> {
  id: string;
  /** Who says it: `tranship/<service>`. */
  source: string;
  type: string;
  subject?: string;
  time: Date;
  traceparent?: string | undefined;
  data: T;
}

export function envelope<T>(parts: EnvelopeParts<T>): Envelope<T> {
  const { time, ...rest } = parts;
  return { specversion: '1.0', datacontenttype: 'application/json', ...rest, time: time.toISOString() };
}

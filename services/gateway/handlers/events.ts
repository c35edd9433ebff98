import { root, TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { feed } from '../adapters/event-feed.ts';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import { writeEvent, writeProgress } from '../adapters/http/sse.ts';
import { migrationFilters, subjectFilter } from '../domain/subject-filter.ts';
import type { World } from '../ports.ts';

const onOff = z.enum(['0', '1', 'true', 'false', '']).transform((text) => text !== '0' && text !== 'false');
const query = z.strictObject({
  /** May be given several times; `vm.>` is short for `tranship.v1.evt.vm.>`. */
  subject: z.union([z.string(), z.array(z.string()).max(16)]).optional(),
  /** All that is told of one migration. */
  migration: z.string().optional(),
  progress: onOff.optional(),
  /** 0: ends when the past is told. */
  follow: onOff.optional(),
  /** Events of this moment and later. */
  since: z.iso.datetime({ offset: true }).optional(),
  /** As the header Last-Event-ID, for those who cannot set one. */
  lastEventId: z.string().optional(),
});

/** The event log as server-sent events: `id` is the place in the log, so that Last-Event-ID resumes without a gap. */
export const eventEndpoints = ({ events, onProgress }: Pick<World, 'events' | 'onProgress'>): Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/events',
    summary: 'The event log, from the start or after Last-Event-ID, and on as it grows',
    role: 'viewer',
    write: false,
    headers: ['Last-Event-ID'],
    query,
    handle: async ({ query: asked, header, caller }) => {
      const filters = filtersOf(asked);
      const fromSeq = sequence(header('Last-Event-ID') ?? asked.lastEventId) + 1;
      const since = asked.since === undefined ? 0 : Date.parse(asked.since);
      // Who may do what is for administrators.
      const hidden = caller.role === 'admin' ? undefined : `${root}.evt.access.`;
      return {
        stream: async (response, gone) => {
          const told = new AbortController();
          const signal = AbortSignal.any([gone, told.signal]);
          await feed(events, onProgress, {
            filters,
            fromSeq,
            signal,
            progress: asked.progress ? (asked.migration ?? '*') : undefined,
            onEvent: async (event) => {
              if (hidden !== undefined && event.subject.startsWith(hidden)) return;
              if (since > 0 && Date.parse(event.time) < since) return;
              await writeEvent(response, signal, { id: event.seq, type: event.type, data: event });
            },
            onProgress: (value) => writeProgress(response, value),
            onCaughtUp: () => {
              // Also before an end that was asked for: without it the client knows that the stream was cut.
              response.write('event: caught-up\ndata: {}\n\n');
              if (asked.follow === false) told.abort();
            },
          });
        },
      };
    },
  }),
];

function filtersOf({ subject, migration }: z.infer<typeof query>): string[] {
  if (migration !== undefined && subject !== undefined)
    throw new TranshipError('document.invalid', 'subject: give subject or migration, not both', { path: 'subject' });
  if (migration !== undefined) return migrationFilters(migration);
  return [subject ?? '>'].flat().map(subjectFilter);
}

function sequence(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new TranshipError('document.invalid', `Last-Event-ID: ${JSON.stringify(text)} is no place in the log`);
}

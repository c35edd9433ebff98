import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';
import { CliError, exits } from './errors.ts';
import { type Frame, SseParser } from './sse.ts';

export interface FollowOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Ends the following. */
  readonly signal: AbortSignal;
  /** Told when the connection is lost, before it is tried again. */
  readonly onLost?: (error: CliError) => void;
}

/** The server says that it lives every 15 s. */
const silenceMs = 45_000;
const pauseMs = { first: 1_000, most: 10_000 };

/**
 * The gateway's events, in order and without a gap: after a lost connection it goes on behind the last one seen.
 * Ends with the signal, or (asked with `follow: '0'`) when the past is told. @throws CliError when the first connection fails
 */
export async function* followEvents(api: Api, options: FollowOptions): AsyncGenerator<Frame> {
  const { query = {}, signal, onLost } = options;
  let last: string | undefined;
  let pause = pauseMs.first;
  for (let connected = false; !signal.aborted; ) {
    const parser = new SseParser();
    try {
      for await (const chunk of chunks(api, query, last, signal)) {
        connected = true;
        pause = parser.retryMs ?? pauseMs.first;
        for (const frame of parser.push(chunk)) {
          last = frame.id ?? last;
          yield frame;
          if (frame.event === 'caught-up' && query.follow === '0') return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const refused = error instanceof CliError && error.exit !== exits.unreachable;
      if (!connected || refused) throw error;
      onLost?.(error as CliError);
    }
    await sleep(pause, undefined, { signal }).catch(() => {});
    pause = Math.min(pause * 2, pauseMs.most);
  }
}

async function* chunks(
  api: Api,
  query: FollowOptions['query'],
  last: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silenceMs);
  try {
    const response = await api.request(
      'GET',
      ['events'],
      { query: query ?? {}, headers: last === undefined ? {} : { 'last-event-id': last } },
      AbortSignal.any([signal, silent.signal]),
    );
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      timer.refresh();
      yield decoder.decode(bytes as Uint8Array, { stream: true });
    }
  } catch (error) {
    if (error instanceof CliError || signal.aborted) throw error;
    throw new CliError(`the connection to ${api.server} is lost`, { exit: exits.unreachable });
  } finally {
    clearTimeout(timer);
  }
}

import { TranshipError } from '@tranship/contracts';
import { type Clock, systemClock } from './clock.ts';

export interface RetryOptions {
  attempts: number;
  baseMs: number;
  maxMs: number;
  signal?: AbortSignal | undefined;
  clock?: Clock;
  /** Whether another try may help; by default what the error itself says. */
  retriable?: (error: unknown) => boolean;
  /** How far it has come: attempts, and the pauses between, are counted since that last grew. */
  reached?: () => number;
}

/** Runs `fn` until it succeeds, backing off twofold from `baseMs` to `maxMs`. Throws the last error. */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, baseMs, maxMs, signal, clock = systemClock, retriable = isRetriable, reached = () => 0 } = options;
  let [spent, furthest] = [0, reached()];
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (error) {
      if (reached() > furthest) [spent, furthest] = [0, reached()];
      if (++spent >= attempts || signal?.aborted || !retriable(error)) throw error;
      await clock.sleep(Math.min(baseMs * 2 ** (spent - 1), maxMs), signal);
    }
  }
}

const isRetriable = (error: unknown) => TranshipError.from(error).retry;

export interface PollOptions {
  everyMs: number;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  clock?: Clock;
}

/** Asks `fn` until it gives a value; `undefined` when the deadline passes first. */
export async function poll<T>(fn: () => Promise<T | undefined>, options: PollOptions): Promise<T | undefined> {
  const { everyMs, deadlineMs, signal, clock = systemClock } = options;
  const end = clock.now() + deadlineMs;
  for (;;) {
    signal?.throwIfAborted();
    const value = await fn();
    if (value !== undefined || clock.now() >= end) return value;
    await clock.sleep(Math.min(everyMs, Math.max(0, end - clock.now())), signal);
  }
}

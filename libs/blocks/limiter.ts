import type { Source, StreamSource } from './jobs.ts';

/** Time, injected. `sleep` rejects when its signal aborts. */
interface Time {
  /** Milliseconds. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A timer bears no more. */
const longestMs = 60_000;

/**
 * Lets bytes pass at a rate that may change at any moment, for those who wait too. Whatever comes when, in no stretch of time
 * more passes than rate × time and one request: each request waits until the ones before it are paid for.
 */
export class Limiter {
  readonly #time: Time;
  #rate = Number.POSITIVE_INFINITY;
  /** Bytes that have passed and are not paid for yet, at the moment `#at`. */
  #debt = 0;
  #at: number;
  #changed = new AbortController();
  #turn: Promise<void> = Promise.resolve();

  constructor(time: Time) {
    this.#time = time;
    this.#at = time.now();
  }

  /** Bytes a second; null: no limit. */
  get bytesPerSecond(): number | null {
    return this.#rate === Number.POSITIVE_INFINITY ? null : this.#rate;
  }

  set(bytesPerSecond: number | null): void {
    const rate = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    if (rate === this.#rate) return;
    this.#settle();
    this.#rate = rate;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Returns when so many bytes may pass, in the order of asking. Rejects with the signal's reason. */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => this.#pay(bytes, signal));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #pay(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      this.#settle();
      if (this.#debt <= 0) break;
      const ms = Math.min(longestMs, Math.ceil((this.#debt / this.#rate) * 1000));
      const wake = AbortSignal.any([this.#changed.signal, ...(signal ? [signal] : [])]);
      await this.#time.sleep(ms, wake).catch(() => {});
    }
    this.#debt += bytes;
  }

  #settle(): void {
    const now = this.#time.now();
    const paid = this.#rate === Number.POSITIVE_INFINITY ? this.#debt : (this.#rate * (now - this.#at)) / 1000;
    this.#debt = Math.max(0, this.#debt - paid);
    this.#at = now;
  }
}

/** A source whose reads wait for the limiter; several may share one. */
export function limited<S extends Source>(source: S, limiter: Limiter, signal?: AbortSignal): S {
  const after = async (target: Buffer, read: () => Promise<void>) => {
    await limiter.take(target.length, signal);
    await read();
  };
  if (!('pieces' in source))
    return {
      ...source,
      size: source.size,
      extents: (offset: number, length: number) => source.extents(offset, length),
      read: (offset: number, target: Buffer) => after(target, () => source.read(offset, target)),
    };
  async function* pieces() {
    for await (const piece of (source as StreamSource).pieces())
      yield { ...piece, read: (target: Buffer) => after(target, () => piece.read(target)) };
  }
  return { ...source, size: source.size, pieces };
}

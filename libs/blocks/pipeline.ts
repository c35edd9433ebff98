import type { Area } from './areas.ts';
import type { Arena } from './arena.ts';
import type { PassLog } from './pass-log.ts';
import type { Sums } from './records.ts';
import type { Sink } from './sink.ts';
import type { State } from './state.ts';

/** What was done with one area. */
export interface Outcome {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly leaves: readonly Sums[];
}

export interface Job<A extends Area = Area> {
  /** In the disk's order. */
  readonly areas: AsyncIterable<A> | Iterable<A>;
  /** How much memory an area needs. */
  need(area: A): number;
  work(area: A, memory: Buffer): Promise<Outcome>;
}

export interface PipelineOptions {
  readonly sink: Sink;
  readonly log: PassLog;
  readonly arena: Arena;
  readonly sizeBytes: number;
  /** Areas in work at once. */
  readonly inFlight: number;
  /** What a kill may cost, in bytes read again, or one in a hundred of all; the ledger is written well before. */
  readonly riskBytes: number;
  /** After so much the target is flushed: what a power cut may cost. */
  readonly flushBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of the disk that are done, its zeros included, and those that were read for it. */
  readonly onProgress?: ((doneBytes: number, readBytes: number) => void) | undefined;
}

/** What is kept of an area until the ledger has it: the bytes that a stream gave with it are none of that. */
interface Entry {
  readonly end: number;
  readonly cost: number;
  outcome?: Outcome;
}

/** After so much of the disk as well, whatever was read. */
const windowBytes = 64 * 1024 ** 3;
const maxQueue = 4096;

/** Areas in work side by side, each as soon as there is memory for it; the ledger follows behind, in the disk's order. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #job: Job;
  readonly #queue: Entry[] = [];
  #leaves: Sums[] = [];
  /** All that is done in order, and what of it the ledger holds. */
  #done: State;
  #working = 0;
  #issuedBytes = 0;
  #doneBytes = 0;
  /** Of those that are done: what the ledger holds, and what of it is flushed. */
  #savedBytes = 0;
  #flushedBytes = 0;
  #saving: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: PipelineOptions, job: Job) {
    this.#options = options;
    this.#job = job;
    this.#done = options.log.state;
  }

  /** Gives the state when all areas are done, flushed and in the ledger. */
  async run(): Promise<State> {
    const { signal, inFlight, log, sizeBytes } = this.#options;
    const onAbort = () => this.#wake?.();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const area of this.#job.areas) {
        const cost = area.zero ? 0 : area.length;
        const ready = () =>
          this.#working < inFlight &&
          this.#queue.length < maxQueue &&
          this.#issuedBytes + cost - this.#savedBytes <= this.#riskBytes &&
          area.offset + area.length <= log.durable.untilBytes;
        await this.#until(ready, area.offset);
        await this.#issue(area, cost);
      }
      await this.#until(() => this.#queue.length === 0, sizeBytes);
      this.#done = { ...this.#done, doneBytes: sizeBytes };
      await this.#saving;
      this.#check();
      await this.#save(true);
      return log.state;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      // Nothing of ours may still write when the next attempt begins.
      while (this.#working > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      await this.#saving;
      // Whatever ended it, what was done is kept where it can be.
      if (this.#done.doneBytes > log.state.doneBytes) await this.#save(false).catch(() => {});
    }
  }

  async #issue(area: Area, cost: number): Promise<void> {
    const need = this.#job.need(area);
    const memory = need > 0 ? await this.#options.arena.take(need) : undefined;
    const entry: Entry = { end: area.offset + area.length, cost };
    this.#queue.push(entry);
    this.#working++;
    this.#issuedBytes += cost;
    void this.#job
      .work(area, memory ?? nothing)
      .then(
        (outcome) => {
          entry.outcome = outcome;
        },
        (error: unknown) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => {
        if (memory) this.#options.arena.release(memory);
        this.#working--;
        this.#settle();
        this.#wake?.();
      });
  }

  get #riskBytes(): number {
    return Math.max(this.#options.riskBytes, this.#doneBytes / 100);
  }

  /** Takes what is done off the queue's head. */
  #settle(): void {
    while (this.#queue[0]?.outcome) {
      const { end, cost, outcome } = this.#queue.shift()!;
      const { readBytes, writtenBytes, leaves } = outcome!;
      this.#leaves.push(...leaves);
      this.#doneBytes += cost;
      this.#done = {
        ...this.#done,
        doneBytes: end,
        readBytes: this.#done.readBytes + readBytes,
        writtenBytes: this.#done.writtenBytes + writtenBytes,
      };
      this.#options.onProgress?.(this.#done.doneBytes, this.#done.readBytes);
    }
    if (this.#doneBytes - this.#savedBytes >= this.#riskBytes / 4) this.#startSave();
  }

  /** `next`: where the area begins that waits; with all done before it, nothing is left to do up to there. */
  async #until(ready: () => boolean, next: number): Promise<void> {
    for (;;) {
      this.#check();
      if (ready()) return;
      // Everything done and nothing to wait for but the ledger: it must not lag behind.
      if (this.#working === 0) {
        if (this.#queue.length === 0) this.#done = { ...this.#done, doneBytes: Math.max(this.#done.doneBytes, next) };
        // With all of it saved it is the flush that is waited for.
        this.#startSave(this.#doneBytes === this.#savedBytes);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #check(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
  }

  #startSave(flush = false): void {
    this.#saving ??= this.#save(flush)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#saving = undefined;
        this.#wake?.();
      });
  }

  async #save(flush: boolean): Promise<void> {
    const { sink, log, flushBytes } = this.#options;
    const [leaves, doneBytes] = [this.#leaves, this.#doneBytes];
    const state = { ...this.#done, untilBytes: this.#done.doneBytes + windowBytes };
    this.#leaves = [];
    const flushed = flush || !sink.outlivesUs || doneBytes - this.#flushedBytes >= flushBytes;
    if (flushed) await sink.flush();
    await log.note(state, leaves, flushed);
    this.#savedBytes = doneBytes;
    if (!flushed) return;
    await log.sync();
    this.#flushedBytes = doneBytes;
  }
}

const nothing = Buffer.alloc(0);

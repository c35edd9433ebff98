import { once } from 'node:events';

/**
 * Migrations that are to be moved on outside of an answer: each once more, however often that is asked for meanwhile. What is
 * lost here the sweep finds.
 */
export class Soon {
  readonly #due = new Set<string>();
  #woken = Promise.withResolvers<void>();

  add(migration: string): void {
    this.#due.add(migration);
    this.#woken.resolve();
  }

  /** What is due now, and what comes to be due meanwhile. */
  async turn(drive: (migration: string) => Promise<void>): Promise<void> {
    for (const migration of this.#due) {
      this.#due.delete(migration);
      await drive(migration);
    }
  }

  async run(drive: (migration: string) => Promise<void>, signal: AbortSignal): Promise<void> {
    const aborted = once(signal, 'abort');
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers();
      await this.turn(drive);
      await Promise.race([this.#woken.promise, aborted]);
    }
  }
}

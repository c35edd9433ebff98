import { shares } from '../domain/bandwidth.ts';
import type { Commands, Limits, Model } from '../ports.ts';

/** Tells the workbenches what each may read of its source: at each call, what is not as the log has it. */
export class Bandwidth {
  readonly #model: Model;
  readonly #limits: Limits;
  /** What was written or read last, of the copies that run: replicas that change it have read the same log. */
  #told = new Map<string, number | null>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(model: Model, limits: Limits) {
    this.#model = model;
    this.#limits = limits;
  }

  /** Returns when what was in the log is written; one call after the other. */
  apply(): Promise<void> {
    const turn = this.#turn.then(() => this.#tell());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #tell(): Promise<void> {
    await this.#model.current();
    const due = shares(this.#model.courses(), (provider) => this.#model.bandwidthMBps(provider));
    const told = this.#told;
    this.#told = new Map();
    for (const share of due) {
      const { migration, vm, bytesPerSecond } = share;
      const key = `${migration}/${vm}`;
      const before = told.get(key);
      const now = before === undefined ? await this.#limits.get(migration, vm) : before;
      if (now !== bytesPerSecond) await this.#limits.put(migration, vm, bytesPerSecond);
      this.#told.set(key, bytesPerSecond);
    }
  }
}

/** Before a copy is asked for, its limit is there, and those of the others leave room for it. */
export const withLimits = (commands: Commands, bandwidth: Bandwidth): Commands => ({
  issue: async (course, due) => {
    if (due.step === 'copy') await bandwidth.apply();
    await commands.issue(course, due);
  },
});

/** How fast a step goes, of 1, where so many run side by side: each keeps about one core busy. */
export const pace = (steps: number, cores: number): number => Math.min(1, cores / steps);

/** What is left of a step, whose pace changes with what runs beside it. */
export class Estimate {
  #left: number;
  #at: number;

  /** `seconds`: alone. */
  constructor(seconds: number, now: number) {
    this.#left = seconds;
    this.#at = now;
  }

  /** Tells at which pace it went until now; to be told before the pace changes. */
  went(now: number, at: number): void {
    this.#left -= ((now - this.#at) / 1000) * at;
    this.#at = now;
  }

  /** In seconds, if it goes on at this pace. None: it takes longer than was thought. */
  left(at: number): number | undefined {
    return this.#left > 0 ? this.#left / at : undefined;
  }
}

/** Bytes per second over the last moments, and what is left of the time. */
export class Rate {
  readonly #samples: { at: number; bytes: number }[] = [];
  readonly #windowMs: number;

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs;
  }

  add(at: number, bytes: number): void {
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > this.#windowMs) this.#samples.shift();
  }

  /** `etaSeconds` is null while nothing is known. */
  estimate(totalBytes: number): { bytesPerSecond: number; etaSeconds: number | null } {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at === first.at) return { bytesPerSecond: 0, etaSeconds: null };
    const bytesPerSecond = ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
    return {
      bytesPerSecond: Math.round(bytesPerSecond),
      etaSeconds: bytesPerSecond > 0 ? Math.ceil((totalBytes - last.bytes) / bytesPerSecond) : null,
    };
  }
}

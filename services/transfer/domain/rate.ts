import type { Progress } from '@tranship/contracts';

interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly doneBytes: number;
  readonly readBytes: number;
}

/** A shorter look tells of the start, not of the pace. */
const tellingMs = 2_000;

/** How fast it went over the last moments, and what is left of the time. */
export class Rate {
  readonly #samples: Sample[] = [];
  readonly #windowMs: number;

  constructor(windowMs = 60_000) {
    this.#windowMs = windowMs;
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    // The one before the window is where it begins.
    while (this.#samples.length > 2 && sample.at - this.#samples[1]!.at >= this.#windowMs) this.#samples.shift();
  }

  /** `expectedSeconds`: what all of it takes as it went before; told while nothing better is known. */
  estimate(totalBytes: number, expectedSeconds?: number): Pick<Progress, 'bytesPerSecond' | 'etaSeconds' | 'basis'> {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const ms = first && last ? last.at - first.at : 0;
    const perSecond = (of: 'doneBytes' | 'readBytes') => (ms > 0 ? ((last![of] - first![of]) * 1000) / ms : 0);
    const bytesPerSecond = Math.round(perSecond('readBytes'));
    const left = totalBytes - (last?.doneBytes ?? 0);
    const pace = perSecond('doneBytes');
    if (ms >= tellingMs && pace > 0) return { bytesPerSecond, etaSeconds: Math.ceil(left / pace), basis: 'rate' };
    // What stood still for a whole look has left its forecast behind.
    if (expectedSeconds === undefined || totalBytes === 0 || ms >= tellingMs)
      return { bytesPerSecond, etaSeconds: null, basis: 'unknown' };
    return { bytesPerSecond, etaSeconds: Math.ceil((expectedSeconds * left) / totalBytes), basis: 'forecast' };
  }
}

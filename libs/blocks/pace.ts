import { smallGap } from './areas.ts';
import { leafBytes } from './leaves.ts';

/** How a source answers: from it follows how large a gap costs less to read than another request. */
export class Pace {
  #latencyMs = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #since: number | undefined;
  #now = 0;

  add(began: number, now: number, bytes: number): void {
    this.#since ??= began;
    this.#now = now;
    this.#bytes += bytes;
    this.#latencyMs = Math.min(this.#latencyMs, now - began);
  }

  /** What one of so many requests lets pass in the time of an answer, within 64 to 256 KiB. */
  gap(inFlight: number): number {
    if (this.#since === undefined || this.#now <= this.#since) return leafBytes;
    const bytes = (this.#latencyMs * this.#bytes) / (this.#now - this.#since) / inFlight;
    return Math.min(smallGap, Math.max(leafBytes, bytes));
  }
}

import type { Progress, TargetDisk } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { Rate } from '../domain/rate.ts';

const everyMs = 500;

/** Tells of one disk at most twice a second, and of its end. */
export class Teller {
  readonly #context: Pick<StepContext, 'clock' | 'progress'>;
  readonly #step: Progress['step'];
  readonly #disk: TargetDisk;
  readonly #rate = new Rate();
  #told = Number.NEGATIVE_INFINITY;
  #last: { readonly doneBytes: number; readonly readBytes: number } | undefined;
  /** Seconds that all of it takes, by the passes before. */
  expectedSeconds: number | undefined;

  constructor(context: Pick<StepContext, 'clock' | 'progress'>, step: Progress['step'], disk: TargetDisk) {
    this.#context = context;
    this.#step = step;
    this.#disk = disk;
  }

  /** Bytes of the disk that are done, as far as was told. */
  get doneBytes(): number {
    return this.#last?.doneBytes ?? 0;
  }

  tell = (doneBytes: number, readBytes: number): void => {
    this.#last = { doneBytes, readBytes };
    const now = this.#context.clock.now();
    const { index: disk, sizeBytes: totalBytes } = this.#disk;
    if (now - this.#told < everyMs && doneBytes < totalBytes) return;
    this.#told = now;
    this.#rate.add({ at: now, doneBytes, readBytes });
    const estimate = this.#rate.estimate(totalBytes, this.expectedSeconds);
    this.#context.progress({ disk, step: this.#step, doneBytes, totalBytes, ...estimate });
  };

  /** What stands still is told of too: its rate falls. */
  again(): void {
    if (this.#last && this.#last.doneBytes < this.#disk.sizeBytes)
      this.tell(this.#last.doneBytes, this.#last.readBytes);
  }
}

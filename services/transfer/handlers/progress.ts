import type { Progress, TargetDisk } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { Rate } from '../domain/rate.ts';

const everyMs = 500;

/** Tells of one disk at most twice a second, and of its end. */
export function reporter(
  { clock, progress }: Pick<StepContext, 'clock' | 'progress'>,
  step: Progress['step'],
  { index, sizeBytes }: TargetDisk,
): (doneBytes: number) => void {
  const rate = new Rate();
  let told = Number.NEGATIVE_INFINITY;
  return (doneBytes) => {
    const now = clock.now();
    if (now - told < everyMs && doneBytes < sizeBytes) return;
    told = now;
    rate.add(now, doneBytes);
    progress({ disk: index, step, doneBytes, totalBytes: sizeBytes, ...rate.estimate(sizeBytes) });
  };
}

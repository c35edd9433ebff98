import { type StepName, steps, TranshipError } from '@tranship/contracts';
import type { Clock } from './clock.ts';

/** Aborts with `step.late` once a step's time is over, unless `over` aborts first. */
export function deadline(
  clock: Clock,
  step: StepName,
  over: AbortSignal,
): { readonly signal: AbortSignal; moved(): void } {
  const { deadlineMs, since } = steps[step];
  const stop = new AbortController();
  let last = clock.now();
  const watch = async () => {
    for (let left = deadlineMs; left > 0; left = last + deadlineMs - clock.now()) await clock.sleep(left, over);
    const minutes = `${deadlineMs / 60_000} min`;
    const what = since === 'begin' ? `${step} did not end within ${minutes}` : `${step}: no byte moved for ${minutes}`;
    stop.abort(new TranshipError('step.late', what));
  };
  watch().catch(() => {});
  return {
    signal: stop.signal,
    moved: () => {
      if (since === 'last byte') last = clock.now();
    },
  };
}

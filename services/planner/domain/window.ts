import type { VmPlan } from '@tranship/contracts';
import { Cron } from 'croner';

export type Window = NonNullable<VmPlan['cutover']['window']>;

/** Whether a cutover may begin: `ends` of the window that is open; else why not, and when one opens (both in ms since the epoch). */
export type Gate =
  | { readonly open: true; readonly began: number; readonly ends: number }
  | { readonly open: false; readonly opens: number | undefined };

const cronOf = ({ cron, timeZone }: Window) => new Cron(cron, { mode: '5-part', timezone: timeZone });

/**
 * Looks at the clock of the window's time zone for openings, and then lets so much time pass as it is long: where the
 * clocks are set in between it ends at another hour. An hour that the clocks leap over opens at the leap, one that comes twice opens once.
 */
export function gateAt(window: Window, now: number): Gate {
  const began = cronOf(window)
    .previousRuns(1, new Date(now + 1))
    .at(0)
    ?.getTime();
  const ends = (began ?? Number.NEGATIVE_INFINITY) + window.forMs;
  return began !== undefined && now < ends
    ? { open: true, began, ends }
    : { open: false, opens: nextOpening(window, now) };
}

/** The next opening after `now`, also while one is open. */
export const nextOpening = (window: Window, now: number): number | undefined =>
  cronOf(window).nextRun(new Date(now))?.getTime();

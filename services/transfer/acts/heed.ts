import type { Limiter } from '@tranship/blocks';
import type { StepContext } from '@tranship/service-kit';
import type { Ports } from '../ports.ts';
import type { Teller } from './progress.ts';

const lookMs = 1_000;

/** Until `signal` aborts: takes over each new limit, and tells again of what stands still. */
export async function heed(
  { limit }: Ports,
  limiter: Limiter,
  tellers: Iterable<Teller>,
  { clock, log }: Pick<StepContext, 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(lookMs, signal).catch(() => {});
    if (signal.aborted) return;
    for (const teller of tellers) teller.again();
    // While the server is away the last word counts.
    const now = await limit().catch(() => limiter.bytesPerSecond);
    if (now === limiter.bytesPerSecond) continue;
    log.info({ bytesPerSecond: now }, 'the limit is another now');
    limiter.set(now);
  }
}

import { restore, type Sink } from '@tranship/blocks';
import { TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import type { Ledgers } from '../ports.ts';

/** The scratch volume is new: its ledger comes from the object store, and the target is read against it. Where that fails, the pass compares. */
export async function broughtBack(
  ledgers: Ledgers,
  name: string,
  sink: Sink,
  options: Parameters<typeof restore>[2],
  log: StepContext['log'],
): Promise<void> {
  const kept = await ledgers.get(name);
  const found = kept && (await restore(kept, sink, options).catch(notWhole));
  const { disk } = options.ledger.binding;
  if (found) log.warn({ disk, ...found }, 'the ledger was lost with its volume and is brought back');
  else log.warn({ disk }, 'the ledger was lost with its volume, and what was kept of it is not whole');
}

function notWhole(error: unknown): undefined {
  if (error instanceof TranshipError && error.code === 'document.not-found') return undefined;
  throw error;
}

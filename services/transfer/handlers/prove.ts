import { prove as proveDisk } from '@tranship/blocks';
import type { StepInput, StepResult } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import type { Ports } from '../ports.ts';
import { inFlight } from './in-flight.ts';
import { Teller } from './progress.ts';

/** Targets that are read at once. */
const atOnce = 4;

/** Reads back what the pass wrote to each target disk, against its leaves. */
export async function prove(
  { volumes, ledgers }: Ports,
  { vm, pass, disks, grade, keep }: StepInput<'prove'>,
  context: StepContext,
): Promise<StepResult<'prove'>> {
  const began = context.clock.now();
  const proven = await inFlight(disks, atOnce, context.signal, async (target, signal) => {
    const { index, sizeBytes } = target;
    const ledger = await volumes.ledger(vm, target, grade);
    try {
      const sink = await volumes.existing(target);
      const onProgress = new Teller(context, 'prove', target).tell;
      const proof = await proveDisk({ sink, ledger, sizeBytes, pass, signal, onProgress }).finally(() => sink.close());
      const kept = keep ? await ledgers.put(ledger) : undefined;
      return { index, ...proof, ...(kept === undefined ? {} : { kept }) };
    } finally {
      await ledger.close();
    }
  });
  // What passes before needed goes: whoever dies before this is reported is asked to prove again.
  if (keep) await ledgers.prune(proven.flatMap(({ kept }) => kept ?? []));
  return { grade, disks: proven, seconds: (context.clock.now() - began) / 1000 };
}

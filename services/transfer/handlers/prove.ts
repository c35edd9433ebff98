import { prove as proveDisk, type Sink } from '@tranship/blocks';
import { type StepInput, type StepResult, type TargetDisk, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { whichDisk } from '../acts/crossed.ts';
import { inFlight } from '../acts/in-flight.ts';
import { moving } from '../acts/moving.ts';
import { Teller } from '../acts/progress.ts';
import type { Ports } from '../ports.ts';

/** Targets that are read at once. */
const atOnce = 4;

/** Reads back what the pass wrote to each target disk, against its leaves. @throws TranshipError that names the disk */
export async function prove(
  given: Ports,
  { vm, pass, disks, grade, keep }: StepInput<'prove'>,
  context: StepContext,
): Promise<StepResult<'prove'>> {
  const ports = moving(given, context.moved);
  const { volumes, ledgers } = ports;
  const began = context.clock.now();
  let refuted: TargetDisk | undefined;
  const proven = await inFlight(disks, atOnce, context.signal, async (target, signal) => {
    const { index, sizeBytes } = target;
    const ledger = await volumes.ledger(vm, target, grade);
    try {
      const onProgress = new Teller(context, 'prove', target).tell;
      const proof = await using(volumes.existing(target), (sink) =>
        proveDisk({ sink, ledger, sizeBytes, pass, signal, onProgress }),
      ).catch((error: unknown) => {
        refuted ??= target;
        throw error;
      });
      const kept = keep ? await ledgers.put(ledger) : undefined;
      return { index, ...proof, ...(kept === undefined ? {} : { kept }) };
    } finally {
      await ledger.close();
    }
  }).catch(async (cause: unknown) => {
    if (!refuted || context.signal.aborted) throw cause;
    throw await whichDisk(ports, vm, refuted, disks, grade, TranshipError.from(cause));
  });
  // What passes before needed goes: whoever dies before this is reported is asked to prove again.
  if (keep) await ledgers.prune(proven.flatMap(({ kept }) => kept ?? []));
  return { grade, disks: proven, seconds: (context.clock.now() - began) / 1000 };
}

async function using<T>(opening: Promise<Sink>, work: (sink: Sink) => Promise<T>): Promise<T> {
  const sink = await opening;
  return work(sink).finally(() => sink.close());
}

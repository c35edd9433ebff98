import type { Ledger, Sink } from '@tranship/blocks';
import { type Grade, leafBytes, type TargetDisk, TranshipError } from '@tranship/contracts';
import type { Ports } from '../ports.ts';

/** So many leaves in which two disks differ say which of them a target holds. */
const enough = 32;
/** Looked at for these, evenly over the disk. */
const most = 4096;

/** Why there is no proof, told by its disk; of one that holds what another disk of the VM should, by that one too. */
export async function whichDisk(
  ports: Pick<Ports, 'volumes'>,
  vm: string,
  target: TargetDisk,
  others: readonly TargetDisk[],
  grade: Grade,
  error: TranshipError,
): Promise<TranshipError> {
  const instead = error.code === 'transfer.proof' ? await heldInstead(ports, vm, target, others, grade) : '';
  const detail = `disk ${target.index}: ${error.detail}${instead}`;
  return new TranshipError(error.code, detail, { cause: error, retry: error.retry });
}

async function heldInstead(
  { volumes }: Pick<Ports, 'volumes'>,
  vm: string,
  target: TargetDisk,
  others: readonly TargetDisk[],
  grade: Grade,
): Promise<string> {
  let instead = '';
  const sink = await volumes.existing(target).catch(() => undefined);
  // As it was refused before.
  if (!sink) return instead;
  const own = await volumes.ledger(vm, target, grade);
  try {
    for (const other of others) {
      if (other.index === target.index || other.sizeBytes !== target.sizeBytes) continue;
      const ledger = await volumes.ledger(vm, other, grade);
      try {
        if (await holds(sink, target.sizeBytes, own, ledger)) instead = `; it holds what disk ${other.index} should`;
      } finally {
        await ledger.close();
      }
    }
  } finally {
    await sink.close();
    await own.close();
  }
  return instead;
}

/** Whether a target is the other ledger's, wherever that differs from its own. */
async function holds(sink: Sink, sizeBytes: number, own: Ledger, other: Ledger): Promise<boolean> {
  const step = Math.max(1, Math.ceil(sizeBytes / leafBytes / most)) * leafBytes;
  let seen = 0;
  for (let offset = 0; offset < sizeBytes && seen < enough; offset += step) {
    const sum = await other.getLeaves(offset, 1);
    if (sum.equals(await own.getLeaves(offset, 1))) continue;
    const bytes = Buffer.alloc(Math.min(leafBytes, sizeBytes - offset));
    await sink.read(offset, bytes);
    if (!other.summing.sum(bytes).equals(sum)) return false;
    seen++;
  }
  return seen > 0;
}

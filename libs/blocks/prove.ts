import { TranshipError } from '@tranship/contracts';
import { cut, type Range, widen } from './areas.ts';
import { Arena } from './arena.ts';
import { firstDifference, leafBytes, leafCount, sumBytes, sumLeaves } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import type { Sink } from './sink.ts';
import type { Proof } from './state.ts';

const requestBytes = 1024 * 1024;
const lanes = 8;

export interface ProveOptions {
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  readonly pass: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done, and that were read for it. */
  readonly onProgress?: (doneBytes: number, readBytes: number) => void;
}

/**
 * Reads back from the target's disk what the pass wrote and compares it with what was read from the source; all of the
 * disk, where the pass learnt all of it anew or the proof of the pass before is missing.
 * @throws TranshipError `transfer.proof` at a leaf that differs, `transfer.ledger` where the pass is not finished
 */
export async function prove(options: ProveOptions): Promise<{ root: string; leaves: number }> {
  const { sink, ledger, pass, signal } = options;
  const { head } = ledger;
  if (head?.pass !== pass) throw new TranshipError('transfer.ledger', `pass ${pass} of ${sink.path} is not finished`);
  if ((await ledger.root()) !== head.root)
    throw new TranshipError('transfer.ledger', `the leaves of ${sink.path} are not its root’s`);
  const before = head.chain.filter((proof) => proof.pass !== pass);
  const chained = ledger.logIsOfHead && !head.fresh && before.at(-1)?.pass === head.after;
  const scope = await ranges(options, chained);
  await sink.forget();
  try {
    await readBack(options, scope);
  } catch (error) {
    // Whatever did that: the next pass compares the target itself.
    if (error instanceof TranshipError && error.code === 'transfer.proof') await ledger.disown();
    throw error;
  }
  signal?.throwIfAborted();
  const leaves = scope.reduce((sum, [, length]) => sum + leafCount(length), 0);
  const proof: Proof = { pass, root: head.root, leaves };
  await ledger.prove(chained ? [...before, proof] : [proof]);
  return { root: head.root, leaves };
}

async function ranges({ ledger, sizeBytes }: ProveOptions, chained: boolean): Promise<Range[]> {
  if (!chained) return [[0, sizeBytes]];
  const written: Range[] = [];
  for await (const { offset, sums } of ledger.log.sums()) written.push([offset, (sums.length / sumBytes) * leafBytes]);
  return widen(written, sizeBytes);
}

async function readBack({ sink, ledger, sizeBytes, signal, onProgress }: ProveOptions, scope: readonly Range[]) {
  const arena = new Arena(lanes * requestBytes);
  const areas = scope.map(([offset, length]) => ({ offset, length, zero: false }));
  const requests = cut(areas, requestBytes, requestBytes);
  let readBytes = 0;
  const lane = async () => {
    for (const { offset, length } of { [Symbol.iterator]: () => ({ next: () => requests.next() }) }) {
      signal?.throwIfAborted();
      const data = await arena.take(length);
      try {
        await sink.read(offset, data);
        const should = await ledger.getLeaves(offset, leafCount(length));
        const leaf = firstDifference(sumLeaves(data), should);
        if (leaf >= 0)
          throw new TranshipError('transfer.proof', `${sink.path} differs at ${offset + leaf * leafBytes}`);
        readBytes += length;
        onProgress?.(Math.min(offset + length, sizeBytes), readBytes);
      } finally {
        arena.release(data);
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

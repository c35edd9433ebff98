import { TranshipError } from '@tranship/contracts';
import { type Range, widen } from './areas.ts';
import { leafBytes, leafCount } from './leaves.ts';
import { areasOf, type ReadOptions, readAgainst } from './read-back.ts';
import type { Sink } from './sink.ts';
import type { Proof } from './state.ts';

export interface ProveOptions extends ReadOptions {
  readonly sink: Sink;
  readonly pass: number;
}

/**
 * Reads back from the target's disk what the pass wrote and compares it with what was read from the source; all of the
 * disk, where the pass learnt all of it anew or the proof of the pass before is missing.
 * @throws TranshipError `transfer.proof` at a leaf that differs, `transfer.ledger` where the pass is not finished
 */
export async function prove(options: ProveOptions): Promise<{ root: string; leaves: number }> {
  const { sink, ledger, pass, signal } = options;
  const { head } = ledger;
  if (head?.pass !== pass) {
    const why = ledger.strange === undefined ? '' : `: its ledger is another disk’s, of ${ledger.strange}`;
    throw new TranshipError('transfer.ledger', `pass ${pass} of ${sink.path} is not finished${why}`);
  }
  if ((await ledger.root()) !== head.root)
    throw new TranshipError('transfer.ledger', `the leaves of ${sink.path} are not its root’s`);
  const before = head.chain.filter((proof) => proof.pass !== pass);
  const chained = ledger.logIsOfHead && !head.fresh && before.at(-1)?.pass === head.after;
  const scope = await ranges(options, chained);
  await sink.forget();
  try {
    await readAgainst(
      options,
      areasOf(sink, scope),
      (offset, target) => sink.read(offset, target),
      (offset) => {
        throw new TranshipError('transfer.proof', `${sink.path} differs at ${offset}`);
      },
    );
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
  for await (const { offset, sums } of ledger.log.sums())
    written.push([offset, (sums.length / ledger.summing.bytes) * leafBytes]);
  return widen(written, sizeBytes);
}

import { type Range, widen } from './areas.ts';
import { leafBytes } from './leaves.ts';
import { areasOf, type ReadOptions, readAgainst } from './read-back.ts';
import type { Sink } from './sink.ts';
import { type Binding, type Head, sameBinding } from './state.ts';

/** The last finished pass as it was kept elsewhere; see `Ledger.pages`. */
export interface Kept {
  readonly binding: Binding;
  readonly head: Head;
  readonly pages: AsyncIterable<Buffer | undefined>;
}

/** So many leaves that differ say that this is another disk. */
const maxDifferent = 100_000;
const tooMany = new Error('too many leaves differ');

/**
 * A ledger whose volume was lost is brought back, and the target read whole against it: what differs there is written by the
 * next pass. Gives the bytes that differ; undefined where what was kept is not
 * whole, or is of another disk.
 */
export async function restore(
  { binding, head, pages }: Kept,
  sink: Sink,
  options: ReadOptions,
): Promise<{ differentBytes: number } | undefined> {
  const { ledger, sizeBytes } = options;
  if (!sameBinding(binding, ledger.binding) || !(await ledger.restore(head, pages))) return undefined;
  const ranges: Range[] = [];
  const read = (offset: number, target: Buffer) => sink.read(offset, target);
  try {
    await readAgainst(options, areasOf(sink, [[0, sizeBytes]]), read, (offset) => {
      if (ranges.push([offset, leafBytes]) > maxDifferent) throw tooMany;
    });
  } catch (error) {
    await ledger.forget();
    if (error === tooMany) return undefined;
    throw error;
  }
  const different = widen(ranges, sizeBytes);
  ledger.suspect(different);
  return { differentBytes: different.reduce((sum, [, length]) => sum + length, 0) };
}

import type { BlockSource } from './jobs.ts';
import { leafBytes, leafCount } from './leaves.ts';
import { pageLeaves } from './ledger.ts';
import { type ReadOptions, readAgainst } from './read-back.ts';

/**
 * Reads the whole source once more after its last pass, and counts the leaves that are not what was read before. Ended and
 * asked again, it goes on from its ledger.
 */
export async function reread(
  source: BlockSource,
  options: ReadOptions,
): Promise<{ leaves: number; different: number }> {
  const { ledger, sizeBytes, signal } = options;
  const step = pageLeaves * leafBytes;
  let { doneBytes, different } = ledger.head?.reread ?? { doneBytes: 0, different: 0 };
  while (doneBytes < sizeBytes) {
    signal?.throwIfAborted();
    const window = { offset: doneBytes, length: Math.min(step, sizeBytes - doneBytes) };
    const read = (offset: number, target: Buffer) => source.read(offset, target);
    // What the source calls a hole is read too: its word is what is doubted here.
    await readAgainst(options, [{ ...window, zero: false }], read, () => different++);
    doneBytes = window.offset + window.length;
    await ledger.reread({ doneBytes, different });
  }
  return { leaves: leafCount(sizeBytes), different };
}

/** The same source, of which nothing is taken to be zeros unread. */
export const unheard = (source: BlockSource): BlockSource => ({
  size: source.size,
  read: (offset, target) => source.read(offset, target),
  extents: async (offset, length) => [{ offset, length, zero: false }],
});

import type { Layout } from './layout.ts';

/** Blocks of a file that follow each other; `at` undefined: they were never written. */
export interface Run {
  readonly from: number;
  readonly count: number;
  readonly at: number | undefined;
}

/** What lies there makes no sense. */
export class BadExt extends Error {
  override readonly name = 'BadExt';
}

const [maxRuns, maxDepth, maxLists] = [300_000, 5, 20_000];
type Block = (at: number) => Buffer;

/** The runs of a file, in its order, from the 60 bytes of its inode; what is in none of them is a hole. */
export function runsOf(root: Buffer, extents: boolean, layout: Layout, block: Block): Run[] {
  const runs: Run[] = [];
  const add = (from: number, count: number, at: number | undefined) => {
    const last = runs.at(-1);
    if (last && from < last.from + last.count) throw new BadExt('blocks of a file are out of order');
    if (last?.at !== undefined && at === last.at + last.count && from === last.from + last.count)
      runs[runs.length - 1] = { ...last, count: last.count + count };
    else runs.push({ from, count, at });
    if (runs.length > maxRuns) throw new BadExt('a file lies in too many pieces');
  };
  let lists = 0;
  const list: Block = (at) => {
    if (++lists > maxLists) throw new BadExt('a file has too many lists of its blocks');
    return block(at);
  };
  if (extents) tree(root, maxDepth + 1, list, add);
  else mapped(root, layout, list, add);
  return runs;
}

type Add = (from: number, count: number, at: number | undefined) => void;

function tree(node: Buffer, above: number, block: Block, add: Add): void {
  if (node.length < 12 || node.readUInt16LE(0) !== 0xf30a) throw new BadExt('a list of extents is none');
  const [count, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
  if (depth >= above || 12 + count * 12 > node.length) throw new BadExt('a list of extents makes no sense');
  for (let i = 0; i < count; i++) {
    const at = 12 + i * 12;
    if (depth > 0) tree(block(node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32), depth, block, add);
    else {
      const length = node.readUInt16LE(at + 4);
      const start = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
      // Longer than this: reserved, and read as zeros.
      const written = length <= 32_768;
      if (length > 0) add(node.readUInt32LE(at), written ? length : length - 32_768, written ? start : undefined);
    }
  }
}

/** ext2's way: twelve blocks, then lists, lists of lists, and lists of those. */
function mapped(root: Buffer, { blockSize }: Layout, block: Block, add: Add): void {
  const per = blockSize / 4;
  const walk = (at: number, depth: number, from: number): void => {
    if (at === 0) return;
    if (depth === 0) {
      add(from, 1, at);
      return;
    }
    const list = block(at);
    if (list.length < blockSize) throw new BadExt('a list of blocks is cut off');
    for (let i = 0; i < per; i++) walk(list.readUInt32LE(i * 4), depth - 1, from + i * per ** (depth - 1));
  };
  let from = 0;
  for (let i = 0; i < 15; i++) {
    const depth = Math.max(0, i - 11);
    walk(root.readUInt32LE(i * 4), depth, from);
    from += per ** depth;
  }
}

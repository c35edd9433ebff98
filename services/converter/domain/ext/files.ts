import { BadExt } from '../ext-reader/blocks.ts';
import { Ext } from '../ext-reader/ext.ts';
import { type ExtLayout, type Inode, type Run, strange } from './layout.ts';

const [typeMask, folderType, linkType, fileType] = [0o170000, 0o040000, 0o120000, 0o100000];
const extentMagic = 0xf30a;
const mostDepth = 5;
/** Of blocks that say where the rest lies: those of some 250 GiB. */
const mostTree = 1 << 16;

/** The blocks of an inode: those that hold its content, and those that say where the content lies. */
export interface Blocks {
  readonly tree: readonly number[];
  readonly data: readonly Run[];
}

/** Where the content of an inode lies, holes left out. */
export function blocksOf(layout: ExtLayout, inode: Inode): Blocks {
  const type = inode.mode & typeMask;
  // What is short may stand in the inode itself.
  const isWithin = inode.isInline || (type === linkType && inode.size < 60);
  if (![folderType, fileType, linkType].includes(type) || isWithin) return { tree: [], data: [] };
  const found: Found = { tree: [], data: [], count: 0 };
  if (inode.usesExtents) extents(layout, inode.places, found, mostDepth);
  else indirect(layout, inode.places, found);
  return found;
}

/** All blocks of an inode: its own, that of its attributes, and of its content unless that is left out. */
export function* blocksAll(layout: ExtLayout, inode: Inode, data = true): Generator<Run> {
  const { tree, data: own } = blocksOf(layout, inode);
  yield { first: inode.block, count: 1 };
  if (inode.attributeBlock !== 0) yield { first: inode.attributeBlock, count: 1 };
  for (const block of tree) yield { first: block, count: 1 };
  if (data) yield* own;
}

type Found = { tree: number[]; data: Run[]; count: number };

function extents(layout: ExtLayout, node: Buffer, found: Found, depthLeft: number): void {
  const [magic, entries, depth] = [node.readUInt16LE(0), node.readUInt16LE(2), node.readUInt16LE(6)];
  if (magic !== extentMagic || depthLeft < 0 || depth > depthLeft || 12 + entries * 12 > node.length)
    throw strange('a tree of extents');
  for (let i = 0; i < entries; i++) {
    const at = 12 + 12 * i;
    if (depth > 0) {
      const child = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
      branch(layout, child, found);
      extents(layout, layout.block(child), found, depth - 1);
    } else {
      const length = node.readUInt16LE(at + 4);
      const first = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
      // Longer than this: allocated, and reads as zeros.
      if (length <= 32768) add(layout, found, { first, count: length });
    }
  }
}

function indirect(layout: ExtLayout, places: Buffer, found: Found): void {
  for (let i = 0; i < 15; i++) descend(layout, places.readUInt32LE(4 * i), Math.max(0, i - 11), found);
}

function descend(layout: ExtLayout, block: number, depth: number, found: Found): void {
  if (block === 0) return;
  if (depth === 0) {
    add(layout, found, { first: block, count: 1 });
    return;
  }
  branch(layout, block, found);
  const list = layout.block(block);
  for (let at = 0; at < list.length; at += 4) descend(layout, list.readUInt32LE(at), depth - 1, found);
}

function branch({ blocks }: ExtLayout, block: number, { tree }: Found): void {
  tree.push(block);
  if (block >= blocks || tree.length > mostTree) throw strange('a file without end');
}

/** No file has more blocks than there are. */
function add({ blocks }: ExtLayout, found: Found, run: Run): void {
  const { data } = found;
  found.count += run.count;
  if (run.first + run.count > blocks || found.count > blocks) throw strange('a file without end');
  const last = data.at(-1);
  if (last && last.first + last.count === run.first)
    data[data.length - 1] = { first: last.first, count: last.count + run.count };
  else data.push(run);
}

/** The inodes on the way to each path, itself included as the last where it is there; links on the way lead within the file system. */
export function waysTo(layout: ExtLayout, paths: readonly string[]): number[][] {
  try {
    const ext = new Ext(layout.read, 0);
    return paths.map((path) => {
      const way: number[] = [];
      ext.find(path, false, (inode) => way.push(inode));
      return way;
    });
  } catch (error) {
    if (error instanceof BadExt) throw strange(error.message);
    throw error;
  }
}

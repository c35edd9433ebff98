import { type ExtLayout, type Inode, type Run, strange } from './layout.ts';

const [typeMask, folderType, linkType, fileType] = [0o170000, 0o040000, 0o120000, 0o100000];
const rootInode = 2;
const extentMagic = 0xf30a;
const mostDepth = 5;
const mostLinks = 40;
/** Of blocks that say where the rest lies: those of some 250 GiB. */
const mostTree = 1 << 16;
const mostFolderBytes = 64 * 1024 ** 2;

/** The blocks of an inode: those that hold its content, and those that say where the content lies. */
export interface Blocks {
  readonly tree: readonly number[];
  readonly data: readonly Run[];
}

/** Where the content of an inode lies, holes left out. */
export function blocksOf(layout: ExtLayout, inode: Inode): Blocks {
  const type = inode.mode & typeMask;
  // A short link's text stands in the inode itself.
  if (![folderType, fileType, linkType].includes(type) || (type === linkType && inode.size < 60))
    return { tree: [], data: [] };
  const found: Found = { tree: [], data: [], count: 0 };
  if (inode.usesExtents) extents(layout, inode.places, found, mostDepth);
  else indirect(layout, inode.places, found);
  return found;
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

/** The inodes on the way to a path, itself included where it is there; links on the way lead within the file system. */
export function wayTo(layout: ExtLayout, path: string): number[] {
  const way = [rootInode];
  const parents = [rootInode];
  const left = path.split('/').filter((part) => part !== '');
  for (let links = 0; left.length > 0; ) {
    const part = left.shift()!;
    if (part === '.') continue;
    if (part === '..') {
      if (parents.length > 1) parents.pop();
      continue;
    }
    const folder = layout.inode(parents.at(-1)!);
    if ((folder.mode & typeMask) !== folderType) return way;
    const number = lookUp(layout, folder, part);
    if (number === undefined) return way;
    way.push(number);
    const inode = layout.inode(number);
    if ((inode.mode & typeMask) === linkType && left.length > 0) {
      if (++links > mostLinks) return way;
      const text = linkText(layout, inode);
      if (text.startsWith('/')) parents.length = 1;
      left.unshift(...text.split('/').filter((each) => each !== ''));
    } else parents.push(number);
  }
  return way;
}

function linkText(layout: ExtLayout, inode: Inode): string {
  const bytes = inode.size < 60 ? inode.places : Buffer.concat(contents(layout, inode));
  return bytes.toString('utf8', 0, Math.min(inode.size, bytes.length));
}

function contents(layout: ExtLayout, inode: Inode): Buffer[] {
  const { data } = blocksOf(layout, inode);
  const blocks = data.reduce((sum, { count }) => sum + count, 0);
  if (blocks * layout.blockSize > mostFolderBytes) throw strange('a folder without end');
  return data.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => layout.block(first + i)));
}

function lookUp(layout: ExtLayout, folder: Inode, name: string): number | undefined {
  const wanted = Buffer.from(name);
  for (const block of contents(layout, folder)) {
    for (let at = 0; at + 8 <= block.length; ) {
      const [inode, length, size] = [block.readUInt32LE(at), block.readUInt16LE(at + 4), block.readUInt8(at + 6)];
      if (length < 8 || at + length > block.length) break;
      if (inode !== 0 && block.subarray(at + 8, at + 8 + size).equals(wanted)) return inode;
      at += length;
    }
  }
  return undefined;
}

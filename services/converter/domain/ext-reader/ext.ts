import type { Read } from '../read.ts';
import { BadExt, type Run, runsOf } from './blocks.ts';
import { type Layout, layoutOf } from './layout.ts';

/** A file, folder or link as its inode tells of it. */
export interface Node {
  readonly number: number;
  /** With the bits of the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

const [rootInode, maxLinks, maxFolder, maxTarget] = [2, 40, 4 * 1024 ** 2, 4096];
/** Of folders that were read, so many names are kept. */
const maxKept = 100_000;
const flags = { encrypted: 0x800, extents: 0x80000, inline: 0x10000000 } as const;
const types = { mask: 0o170000, folder: 0o040000, file: 0o100000, link: 0o120000 } as const;

/** Reads an ext2, ext3 or ext4 file system where it is asked for, and changes nothing; its journal is not replayed. Throws {@link BadExt}. */
export class Ext {
  readonly #read: Read;
  readonly #layout: Layout;
  /** Folders on the ways so far: their names and inodes, by their own inode. */
  readonly #folders = new Map<number, ReadonlyMap<string, number>>();
  #kept = 0;

  constructor(read: Read, offset: number) {
    this.#read = (at, length) => read(offset + at, length);
    const layout = layoutOf(this.#read);
    if (!layout) throw new BadExt('its superblock makes no sense, or asks for what is not known');
    this.#layout = layout;
  }

  /** What is at a path, links on the way followed within the file system, the last one only if `follow`; undefined: nothing. `pass` hears of every inode on the way. */
  find(path: string, follow: boolean, pass: (inode: number) => void = () => {}): Node | undefined {
    let left = path.split('/').filter((part) => part !== '');
    let done = [this.#node(rootInode)];
    pass(rootInode);
    for (let links = 0; left.length > 0; ) {
      const [part, ...rest] = left as [string, ...string[]];
      left = rest;
      if (part === '.') continue;
      if (part === '..') {
        done = done.length > 1 ? done.slice(0, -1) : done;
        continue;
      }
      const here = done.at(-1)!;
      if (typeOf(here) !== types.folder) return undefined;
      const number = this.#folder(here).get(part);
      if (number === undefined) return undefined;
      pass(number);
      const node = this.#node(number);
      if (typeOf(node) !== types.link || (left.length === 0 && !follow)) {
        done = [...done, node];
        continue;
      }
      if (++links > maxLinks) return undefined;
      const target = this.content(node, 0, Math.min(node.size, maxTarget)).toString('utf8');
      if (target.startsWith('/')) done = done.slice(0, 1);
      left = [...target.split('/').filter((each) => each !== ''), ...left];
    }
    return done.at(-1);
  }

  /** The entries of a folder by their names; undefined: there is none. */
  list(path: string): Map<string, Node> | undefined {
    const folder = this.find(path, true);
    if (!folder || typeOf(folder) !== types.folder) return undefined;
    return new Map([...this.#folder(folder)].map(([name, number]) => [name, this.#node(number)]));
  }

  /** `length` bytes of a file at an offset; fewer at its end. */
  content(node: Node, offset: number, length: number): Buffer {
    const inode = this.#inode(node.number);
    const end = Math.min(node.size, offset + length);
    const bits = inode.readUInt32LE(32);
    if ((bits & flags.encrypted) !== 0) throw new BadExt('it is encrypted');
    if (end <= offset) return Buffer.alloc(0);
    // A short link stands in the inode itself.
    const short = typeOf(node) === types.link && node.size < 60 && (bits & flags.extents) === 0;
    if (short || (bits & flags.inline) !== 0) {
      const inside = Buffer.concat([inode.subarray(40, 100), short ? Buffer.alloc(0) : this.#inlineRest(inode)]);
      return inside.subarray(offset, end);
    }
    const { blockSize } = this.#layout;
    const bytes = Buffer.alloc(end - offset);
    for (const { from, count, at } of this.#runs(inode)) {
      const [start, stop] = [Math.max(offset, from * blockSize), Math.min(end, (from + count) * blockSize)];
      if (at === undefined || stop <= start) continue;
      const found = this.#read(at * blockSize + (start - from * blockSize), stop - start);
      if (found.length < stop - start) throw new BadExt('a file reaches beyond the disk');
      found.copy(bytes, start - offset);
    }
    return bytes;
  }

  #runs(inode: Buffer): Run[] {
    const extents = (inode.readUInt32LE(32) & flags.extents) !== 0;
    return runsOf(inode.subarray(40, 100), extents, this.#layout, (at) => this.#block(at));
  }

  #block(at: number): Buffer {
    const { blockSize, blocks } = this.#layout;
    if (!Number.isSafeInteger(at) || at <= 0 || at >= blocks) throw new BadExt(`there is no block ${at}`);
    return this.#read(at * blockSize, blockSize);
  }

  #inode(number: number): Buffer {
    const { inodes, inodesPerGroup, inodeSize, blockSize, wide } = this.#layout;
    if (number < 1 || number > inodes) throw new BadExt(`there is no inode ${number}`);
    const group = Math.floor((number - 1) / inodesPerGroup);
    const place = this.#layout.descriptorOf(group);
    const descriptor = this.#block(place.block).subarray(place.at);
    if (descriptor.length < (wide ? 64 : 32)) throw new BadExt(`there is no group ${group}`);
    const table = descriptor.readUInt32LE(8) + (wide ? descriptor.readUInt32LE(40) * 2 ** 32 : 0);
    const at = table * blockSize + ((number - 1) % inodesPerGroup) * inodeSize;
    const inode = this.#read(at, inodeSize);
    if (inode.length < inodeSize) throw new BadExt(`inode ${number} lies beyond the disk`);
    return inode;
  }

  #node(number: number): Node {
    const inode = this.#inode(number);
    const size = inode.readUInt32LE(4) + inode.readUInt32LE(108) * 2 ** 32;
    return {
      number,
      mode: inode.readUInt16LE(0),
      uid: inode.readUInt16LE(2) + inode.readUInt16LE(120) * 65_536,
      gid: inode.readUInt16LE(24) + inode.readUInt16LE(122) * 65_536,
      size: Number.isSafeInteger(size) ? size : Number.MAX_SAFE_INTEGER,
    };
  }

  #folder(node: Node): ReadonlyMap<string, number> {
    const known = this.#folders.get(node.number);
    if (known) return known;
    // The first of a name counts.
    const names = new Map(this.#names(node).reverse());
    if (this.#kept + names.size > maxKept) this.#folders.clear();
    this.#kept = (this.#folders.size === 0 ? 0 : this.#kept) + names.size;
    this.#folders.set(node.number, names);
    return names;
  }

  /** Names and inodes of a folder's entries, but for itself and the one above. */
  #names(folder: Node): [string, number][] {
    if (folder.size > maxFolder) throw new BadExt('a folder is larger than any');
    const inode = this.#inode(folder.number);
    const content = this.content(folder, 0, folder.size);
    if ((inode.readUInt32LE(32) & flags.inline) !== 0)
      return [...this.#entries(content.subarray(4, 60)), ...this.#entries(content.subarray(60))];
    const { blockSize } = this.#layout;
    const blocks = Array.from({ length: Math.ceil(content.length / blockSize) }, (_, i) =>
      this.#entries(content.subarray(i * blockSize, (i + 1) * blockSize)),
    );
    return blocks.flat();
  }

  #entries(block: Buffer): [string, number][] {
    const found: [string, number][] = [];
    for (let at = 0; at + 8 <= block.length; ) {
      const inode = block.readUInt32LE(at);
      const told = block.readUInt16LE(at + 4);
      // The largest blocks do not fit into sixteen bits.
      const length = told === 65_535 || told === 0 ? 65_536 : told;
      const name = this.#layout.fileTypes ? block.readUInt8(at + 6) : block.readUInt16LE(at + 6);
      if (length < 8 || length % 4 !== 0 || at + length > block.length || name + 8 > length)
        throw new BadExt('an entry of a folder makes no sense');
      const text = block.toString('utf8', at + 8, at + 8 + name);
      if (inode !== 0 && name > 0 && text !== '.' && text !== '..') {
        if (/[/\0]/.test(text)) throw new BadExt('a name of a folder makes no sense');
        found.push([text, inode]);
      }
      at += length;
    }
    return found;
  }

  /** What did not fit of a small file's content is an attribute in its inode: `system.data`. */
  #inlineRest(inode: Buffer): Buffer {
    const start = 128 + (inode.length > 130 ? inode.readUInt16LE(128) : 0) + 4;
    if (start + 16 > inode.length || inode.readUInt32LE(start - 4) !== 0xea020000) return Buffer.alloc(0);
    for (let at = start; at + 16 <= inode.length && inode.readUInt32LE(at) !== 0; ) {
      const length = inode.readUInt8(at);
      const name = inode.toString('latin1', at + 16, at + 16 + length);
      if (inode.readUInt8(at + 1) === 7 && name === 'data') {
        const from = start + inode.readUInt16LE(at + 2);
        return inode.subarray(from, from + inode.readUInt32LE(at + 8));
      }
      at += 16 + Math.ceil(length / 4) * 4;
    }
    return Buffer.alloc(0);
  }
}

export const typeOf = ({ mode }: Pick<Node, 'mode'>) => mode & types.mask;
export const isPlain = (node: Pick<Node, 'mode'>) => typeOf(node) === types.file;

import { TranshipError } from '@tranship/contracts';
import type { Read } from '../read.ts';

/** A run of blocks. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

export interface Inode {
  readonly mode: number;
  readonly size: number;
  readonly usesExtents: boolean;
  /** The block with attributes that the inode has no room for; 0: none. */
  readonly attributeBlock: number;
  /** Its 60 bytes of places, or of a short link's text. */
  readonly places: Buffer;
}

const superblockAt = 1024;
const [fastCommit, recover, wideNumbers] = [0x400, 0x4, 0x80];
/** filetype, recover, extents, 64bit, flex_bg, csum_seed, largedir, encrypt, casefold: they do not move what we look for. */
const understood = 0x2 | 0x4 | 0x40 | 0x80 | 0x200 | 0x2000 | 0x4000 | 0x10000 | 0x20000;
const bigAllocation = 0x200;
const mostGroups = 1 << 20;

/** Where an ext file system keeps its own books. Throws `rehearsal.unsupported` for one whose layout is not understood. */
export class ExtLayout {
  readonly blockSize: number;
  readonly blocks: number;
  /** Transactions wait in its journal. */
  readonly needsRecovery: boolean;
  /** Without an error, and unmounted in order or with a journal that saw to it. */
  readonly isClean: boolean;
  readonly journalInode: number;
  readonly #read: Read;
  readonly #inodeSize: number;
  readonly #inodesPerGroup: number;
  readonly #groups: number;
  readonly #descriptorsAt: number;
  readonly #descriptorSize: number;
  readonly #sumsGroups: boolean;

  constructor(read: Read) {
    const block = read(superblockAt, 1024);
    if (block.length < 1024 || block.readUInt16LE(56) !== 0xef53) throw strange('it has no superblock');
    const compatible = block.readUInt32LE(92);
    const incompatible = block.readUInt32LE(96);
    const readOnly = block.readUInt32LE(100);
    const wide = (incompatible & wideNumbers) !== 0;
    this.#read = read;
    this.blockSize = 1024 << Math.min(block.readUInt32LE(24), 6);
    this.blocks = block.readUInt32LE(4) + (wide ? block.readUInt32LE(0x150) * 2 ** 32 : 0);
    this.needsRecovery = (incompatible & recover) !== 0;
    this.isClean = (block.readUInt16LE(58) & 3) === 1;
    this.journalInode = block.readUInt32LE(224);
    this.#inodeSize = block.readUInt16LE(88) || 128;
    this.#inodesPerGroup = block.readUInt32LE(40);
    const firstBlock = block.readUInt32LE(20);
    const perGroup = block.readUInt32LE(32);
    this.#groups = perGroup > 0 ? Math.ceil((this.blocks - firstBlock) / perGroup) : 0;
    this.#descriptorsAt = firstBlock + 1;
    this.#descriptorSize = wide ? Math.max(32, block.readUInt16LE(254)) : 32;
    // Only with sums of its groups is what a group says of its unused inodes true.
    this.#sumsGroups = (readOnly & (0x10 | 0x400)) !== 0;
    const unknown = incompatible & ~understood;
    if (unknown !== 0) throw strange(`it has features that are not understood: ${unknown.toString(16)}`);
    if ((readOnly & bigAllocation) !== 0) throw strange('it allocates in clusters');
    if (this.needsRecovery && (compatible & fastCommit) !== 0) throw strange('its journal has fast commits');
    if (this.needsRecovery && this.journalInode === 0) throw strange('its journal lies on another device');
    // A group's bitmaps have one block each.
    const most = 8 * this.blockSize;
    if (perGroup > most || this.#inodesPerGroup < 1 || this.#inodesPerGroup > most || this.#inodeSize > this.blockSize)
      throw strange('its groups make no sense');
    if (this.#groups < 1 || this.#groups > mostGroups) throw strange('it has no groups, or too many');
  }

  /** Superblock, descriptors, bitmaps, and those inodes that may be in use. */
  *books(): Generator<Run> {
    const descriptors = Math.ceil((this.#groups * this.#descriptorSize) / this.blockSize);
    yield { first: 0, count: this.#descriptorsAt + descriptors };
    for (let group = 0; group < this.#groups; group++) {
      const { blockBitmap, inodeBitmap, inodeTable, unusedInodes } = this.#group(group);
      yield { first: blockBitmap, count: 1 };
      yield { first: inodeBitmap, count: 1 };
      const used = this.#inodesPerGroup - unusedInodes;
      yield { first: inodeTable, count: Math.ceil((used * this.#inodeSize) / this.blockSize) };
    }
  }

  inode(number: number): Inode {
    const { inodeTable } = this.#group(Math.floor((number - 1) / this.#inodesPerGroup));
    const at = inodeTable * this.blockSize + ((number - 1) % this.#inodesPerGroup) * this.#inodeSize;
    const bytes = this.#read(at, 128);
    if (number < 1 || bytes.length < 128) throw strange(`there is no inode ${number}`);
    return {
      mode: bytes.readUInt16LE(0),
      size: bytes.readUInt32LE(4) + bytes.readUInt32LE(108) * 2 ** 32,
      usesExtents: (bytes.readUInt32LE(32) & 0x80000) !== 0,
      attributeBlock: bytes.readUInt32LE(104) + bytes.readUInt16LE(118) * 2 ** 32,
      places: bytes.subarray(40, 100),
    };
  }

  block(number: number): Buffer {
    const bytes = this.#read(number * this.blockSize, this.blockSize);
    if (bytes.length < this.blockSize) throw strange(`there is no block ${number}`);
    return bytes;
  }

  #group(group: number) {
    if (!(group >= 0 && group < this.#groups)) throw strange(`there is no group ${group}`);
    const at = this.#descriptorsAt * this.blockSize + group * this.#descriptorSize;
    const bytes = this.#read(at, this.#descriptorSize);
    if (bytes.length < this.#descriptorSize) throw strange('its descriptors');
    const wide = this.#descriptorSize >= 64;
    const place = (low: number, high: number) =>
      bytes.readUInt32LE(low) + (wide ? bytes.readUInt32LE(high) * 2 ** 32 : 0);
    const unused = bytes.readUInt16LE(28) + (wide ? bytes.readUInt16LE(50) * 2 ** 16 : 0);
    return {
      blockBitmap: place(0, 32),
      inodeBitmap: place(4, 36),
      inodeTable: place(8, 40),
      unusedInodes: this.#sumsGroups ? Math.min(unused, this.#inodesPerGroup) : 0,
    };
  }
}

export const strange = (detail: string) =>
  new TranshipError('rehearsal.unsupported', `an ext file system of the guest cannot be looked through: ${detail}`);

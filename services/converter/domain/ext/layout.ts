import { TranshipError } from '@tranship/contracts';
import { type Layout, layoutOf } from '../ext-reader/layout.ts';
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
  /** Its content stands in the inode itself. */
  readonly isInline: boolean;
  /** The block with attributes that the inode has no room for; 0: none. */
  readonly attributeBlock: number;
  /** Its 60 bytes of places, or of a short link's text. */
  readonly places: Buffer;
  /** The block in which it stands itself. */
  readonly block: number;
}

const superblockAt = 1024;
const [fastCommit, recover, inlineFlag] = [0x400, 0x4, 0x10000000];
const bigAllocation = 0x200;
const mostGroups = 1 << 20;

/** Where an ext file system keeps its own books. Throws `rehearsal.unsupported` for one whose layout is not understood. */
export class ExtLayout {
  readonly read: Read;
  readonly blockSize: number;
  readonly blocks: number;
  /** Transactions wait in its journal. */
  readonly needsRecovery: boolean;
  /** Without an error, and unmounted in order or with a journal that saw to it. */
  readonly isClean: boolean;
  readonly journalInode: number;
  readonly #layout: Layout;
  readonly #groups: number;
  readonly #sumsGroups: boolean;
  /** By which two hosts tell each other that they have it mounted; 0: none. */
  readonly #mountBlock: number;

  constructor(read: Read) {
    const block = read(superblockAt, 1024);
    const layout = layoutOf(read);
    if (!layout) throw strange('its superblock makes no sense, or asks for what is not known');
    const compatible = block.readUInt32LE(92);
    const incompatible = block.readUInt32LE(96);
    const readOnly = block.readUInt32LE(100);
    this.read = read;
    this.#layout = layout;
    this.blockSize = layout.blockSize;
    this.blocks = layout.blocks;
    this.needsRecovery = (incompatible & recover) !== 0;
    this.isClean = (block.readUInt16LE(58) & 3) === 1;
    this.journalInode = block.readUInt32LE(224);
    const perGroup = block.readUInt32LE(32);
    this.#groups = Math.ceil((this.blocks - block.readUInt32LE(20)) / perGroup);
    // Only with sums of its groups is what a group says of its unused inodes true.
    this.#sumsGroups = (readOnly & (0x10 | 0x400)) !== 0;
    this.#mountBlock = (incompatible & 0x100) !== 0 ? Number(block.readBigUInt64LE(0x168)) : 0;
    if (this.needsRecovery && (compatible & fastCommit) !== 0) throw strange('its journal has fast commits');
    if (this.needsRecovery && this.journalInode === 0) throw strange('its journal lies on another device');
    // A group's bitmaps have one block each.
    const most = 8 * this.blockSize;
    const inBitmap = (readOnly & bigAllocation) !== 0 ? block.readUInt32LE(36) : perGroup;
    if (inBitmap > most || layout.inodesPerGroup > most) throw strange('its groups make no sense');
    if (this.#groups < 1 || this.#groups > mostGroups) throw strange('it has no groups, or too many');
  }

  /**
   * Superblock, descriptors, bitmaps; and of the inodes, `all`: those that may be in use, else the blocks into which another
   * may be laid beside those in use.
   */
  *books(all: boolean): Generator<Run> {
    yield { first: 0, count: Math.floor(superblockAt / this.blockSize) + 1 };
    if (this.#mountBlock !== 0) yield { first: this.#mountBlock, count: 1 };
    let descriptors = -1;
    for (let group = 0; group < this.#groups; group++) {
      const { block } = this.#layout.descriptorOf(group);
      if (block !== descriptors) yield { first: block, count: 1 };
      descriptors = block;
      const { blockBitmap, inodeBitmap, inodeTable, unusedInodes } = this.#group(group);
      yield { first: blockBitmap, count: 1 };
      yield { first: inodeBitmap, count: 1 };
      const { inodesPerGroup, inodeSize } = this.#layout;
      const used = inodesPerGroup - unusedInodes;
      if (all) yield { first: inodeTable, count: Math.ceil((used * inodeSize) / this.blockSize) };
      else for (const block of this.#shared(inodeBitmap, used)) yield { first: inodeTable + block, count: 1 };
    }
  }

  /** The blocks of a table that hold inodes in use and such that are free. */
  *#shared(inodeBitmap: number, used: number): Generator<number> {
    const bits = this.block(inodeBitmap);
    const perBlock = Math.floor(this.blockSize / this.#layout.inodeSize);
    for (let first = 0; first < used; first += perBlock) {
      let taken = 0;
      for (let i = first; i < first + perBlock; i++) taken += ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
      if (taken > 0 && taken < perBlock) yield first / perBlock;
    }
  }

  inode(number: number): Inode {
    const at = this.#placeOf(number);
    const bytes = this.read(at, 128);
    if (bytes.length < 128) throw strange(`there is no inode ${number}`);
    const flags = bytes.readUInt32LE(32);
    return {
      mode: bytes.readUInt16LE(0),
      size: bytes.readUInt32LE(4) + bytes.readUInt32LE(108) * 2 ** 32,
      usesExtents: (flags & 0x80000) !== 0,
      isInline: (flags & inlineFlag) !== 0,
      attributeBlock: bytes.readUInt32LE(104) + bytes.readUInt16LE(118) * 2 ** 32,
      places: bytes.subarray(40, 100),
      block: Math.floor(at / this.blockSize),
    };
  }

  #placeOf(number: number): number {
    const { inodesPerGroup, inodeSize } = this.#layout;
    if (number < 1) throw strange(`there is no inode ${number}`);
    const { inodeTable } = this.#group(Math.floor((number - 1) / inodesPerGroup));
    return inodeTable * this.blockSize + ((number - 1) % inodesPerGroup) * inodeSize;
  }

  block(number: number): Buffer {
    const bytes = this.read(number * this.blockSize, this.blockSize);
    if (bytes.length < this.blockSize) throw strange(`there is no block ${number}`);
    return bytes;
  }

  #group(group: number) {
    if (!(group >= 0 && group < this.#groups)) throw strange(`there is no group ${group}`);
    const { block, at } = this.#layout.descriptorOf(group);
    const { wide } = this.#layout;
    const bytes = this.read(block * this.blockSize + at, wide ? 64 : 32);
    if (bytes.length < (wide ? 64 : 32)) throw strange('its descriptors');
    const place = (low: number, high: number) =>
      bytes.readUInt32LE(low) + (wide ? bytes.readUInt32LE(high) * 2 ** 32 : 0);
    const unused = bytes.readUInt16LE(28) + (wide ? bytes.readUInt16LE(50) * 2 ** 16 : 0);
    return {
      blockBitmap: place(0, 32),
      inodeBitmap: place(4, 36),
      inodeTable: place(8, 40),
      unusedInodes: this.#sumsGroups ? Math.min(unused, this.#layout.inodesPerGroup) : 0,
    };
  }
}

export const strange = (detail: string) =>
  new TranshipError('rehearsal.unsupported', `an ext file system of the guest cannot be looked through: ${detail}`);

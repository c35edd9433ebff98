import { closeSync, existsSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import { blocksAll, waysTo } from '../domain/ext/files.ts';
import { ExtLayout, type Run, strange } from '../domain/ext/layout.ts';
import { merged, type Place } from '../domain/merged.ts';
import type { Read } from '../domain/read.ts';
import { changedIn } from '../domain/undo-log.ts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { ExtFs, type Place as FsPlace, memoryFor } from './ext-fs.ts';
import { run } from './run.ts';
import { reader, writeAll } from './undo.ts';

const replayMs = 600_000;
const chunkBytes = 1024 ** 2;

interface Handles {
  readonly base: number;
  readonly work: number;
}

/**
 * An ext file system that is changed without a byte of it being written: what e2fsprogs need of it is copied into a
 * sparse file, block by block as it is asked for, and they work there. The journal of one that was in use is replayed
 * there first.
 */
export class SparseExt implements WritableFs {
  readonly #fs: ExtFs;
  readonly #file: string;
  readonly #base: number;
  readonly #work: number;
  readonly #offset: number;
  readonly #signal: AbortSignal;
  readonly #all: boolean;
  readonly #changed: Place[] = [];
  #layout: ExtLayout;
  /** One bit a block: it lies in the sparse file. */
  readonly #here: Uint8Array;

  private constructor(handles: Handles, { offset, length }: FsPlace, fs: ExtFs, signal: AbortSignal, all: boolean) {
    this.#base = handles.base;
    this.#work = handles.work;
    ftruncateSync(this.#work, length);
    this.#file = fs.place.path;
    this.#offset = offset;
    this.#fs = fs;
    this.#signal = signal;
    this.#all = all;
    const read = reader(this.#base);
    this.#layout = new ExtLayout((at, bytes) => read(offset + at, bytes));
    if (this.#layout.blocks * this.#layout.blockSize > length) throw strange('it is larger than its volume');
    this.#here = new Uint8Array(Math.ceil(this.#layout.blocks / 8));
    this.#layout = new ExtLayout(this.#view);
  }

  /** `file` must not be there yet. `all`: it shall be listed too, not only written. */
  static async open(place: FsPlace, file: string, scratch: string, signal: AbortSignal, all = true) {
    const handles = { base: openSync(place.path, 'r'), work: openSync(file, 'wx+') };
    try {
      const fs = new ExtFs({ path: file, offset: 0, length: place.length }, scratch, signal);
      const opened = new SparseExt(handles, place, fs, signal, all);
      await opened.#prepare();
      return opened;
    } catch (error) {
      closeSync(handles.base);
      closeSync(handles.work);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#base);
    closeSync(this.#work);
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    this.#bring(folders);
    return this.#fs.list(folders);
  }

  async dump(files: readonly string[], maxBytes: number) {
    this.#bring(files, true);
    return this.#fs.dump(files, maxBytes);
  }

  async attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    this.#bring(paths);
    return this.#fs.attributes(paths);
  }

  async unwritable(targets: readonly PlacedTarget[]): Promise<string | undefined> {
    this.#bring(targets.map(({ inner }) => inner));
    return this.#fs.unwritable(targets);
  }

  async write(targets: readonly PlacedTarget[]): Promise<void> {
    const paths = targets.map(({ inner }) => inner);
    this.#bring(paths);
    await this.#fs.change(targets);
    this.#compare();
    // What else is on the ways to them now has just been written.
    const written = new ExtLayout(reader(this.#work));
    for (const inode of new Set(waysTo(written, paths).flat()))
      this.#changedAt(blocksAll(written, written.inode(inode)));
  }

  /** Where it is no longer as the disk. */
  changed(): Place[] {
    return merged(this.#changed);
  }

  /** Looks what of that which was copied has changed. */
  #compare(): void {
    const { blockSize } = this.#layout;
    const [work, base] = [reader(this.#work), reader(this.#base)];
    for (const { offset, length } of this.#held()) {
      const [now, before] = [work(offset, length), base(this.#offset + offset, length)];
      if (now.equals(before)) continue;
      for (let at = 0; at < length; at += blockSize)
        if (!now.subarray(at, at + blockSize).equals(before.subarray(at, at + blockSize)))
          this.#changed.push({ offset: offset + at, length: blockSize });
    }
  }

  /** Blocks that are not copied from the disk, for they lie here otherwise. */
  #changedAt(runs: Iterable<Run>): void {
    const { blockSize } = this.#layout;
    for (const { first, count } of runs)
      for (let block = first; block < first + count; block++) {
        if (!this.#isHere(block)) this.#changed.push({ offset: block * blockSize, length: blockSize });
        this.#mark(block);
      }
  }

  /** Where the copy has what the disk has, or had. */
  #held(): Place[] {
    const { blockSize } = this.#layout;
    const places: Place[] = [];
    for (const [at, bits] of this.#here.entries())
      for (let block = at * 8; bits >> (block - at * 8) !== 0; block++)
        if (this.#isHere(block)) places.push({ offset: block * blockSize, length: blockSize });
    return merged(places);
  }

  /** As the copy has it: what was changed, and what was copied. */
  read(at: number, length: number): Buffer {
    return reader(this.#work)(at, length);
  }

  /** Most of it is not here: the guest that boots will tell. */
  async check(): Promise<undefined> {
    return undefined;
  }

  async #prepare(): Promise<void> {
    this.#copyBooks();
    if (this.#layout.needsRecovery) await this.#replay();
    if (!this.#layout.isClean) throw new TranshipError('guest.dirty', 'an ext file system asks to be checked');
  }

  async #replay(): Promise<void> {
    this.#copyInode(this.#layout.journalInode, true);
    const log = `${this.#file}.log`;
    const { code, stdout, stderr } = await run('e2fsck', ['-y', '-E', 'journal_only', '-z', log, this.#file], {
      deadlineMs: replayMs,
      signal: this.#signal,
      bounds: { memory: memoryFor(this.#fs.place) },
    });
    // 1: it has replayed it.
    if (code > 1)
      throw new TranshipError('guest.conversion', `e2fsck ends with ${code}: ${stderr.trim() || stdout.trim()}`);
    this.#compare();
    this.#markLogged(log);
    this.#layout = new ExtLayout(this.#view);
    this.#copyBooks();
  }

  #copyBooks(): void {
    for (const books of this.#layout.books(this.#all || this.#layout.needsRecovery)) this.#copy(books);
  }

  #markLogged(log: string): void {
    if (!existsSync(log)) return;
    const { blockSize } = this.#layout;
    const handle = openSync(log, 'r');
    try {
      for (const { offset, length } of changedIn(reader(handle), blockSize))
        this.#changedAt([{ first: Math.floor(offset / blockSize), count: Math.ceil(length / blockSize) }]);
    } finally {
      closeSync(handle);
      rmSync(log);
    }
  }

  /** What lies on the ways to paths is here from now on; `data`: the content of what they lead to as well. */
  #bring(paths: readonly string[], data = false): void {
    for (const way of waysTo(this.#layout, paths))
      for (const [i, inode] of way.entries()) this.#copyInode(inode, data && i === way.length - 1);
  }

  #copyInode(number: number, data: boolean): void {
    const inode = this.#layout.inode(number);
    const isFile = (inode.mode & 0o170000) === 0o100000;
    for (const run of blocksAll(this.#layout, inode, data || !isFile)) this.#copy(run);
  }

  #copy({ first, count }: Run): void {
    const { blockSize } = this.#layout;
    const atOnce = Math.max(1, chunkBytes / blockSize);
    const read = reader(this.#base);
    for (let block = first; block < first + count; ) {
      if (this.#isHere(block)) {
        block++;
        continue;
      }
      let end = block + 1;
      while (end < first + count && end - block < atOnce && !this.#isHere(end)) end++;
      const bytes = read(this.#offset + block * blockSize, (end - block) * blockSize);
      for (let at = 0; at < bytes.length; at += blockSize) {
        const own = bytes.subarray(at, at + blockSize);
        if (own.some((byte) => byte !== 0)) writeAll(this.#work, own, block * blockSize + at);
      }
      for (; block < end; block++) this.#mark(block);
    }
  }

  /** As the file system is now. */
  readonly #view: Read = (at, length) => {
    const { blockSize } = this.#layout;
    const [work, base] = [reader(this.#work), reader(this.#base)];
    const parts: Buffer[] = [];
    for (let done = 0; done < length; ) {
      const block = Math.floor((at + done) / blockSize);
      const bytes = Math.min(length - done, (block + 1) * blockSize - at - done);
      parts.push(this.#isHere(block) ? work(at + done, bytes) : base(this.#offset + at + done, bytes));
      done += bytes;
    }
    return Buffer.concat(parts);
  };

  #isHere(block: number): boolean {
    return ((this.#here[Math.floor(block / 8)] ?? 0) & (1 << (block % 8))) !== 0;
  }

  #mark(block: number): void {
    const at = Math.floor(block / 8);
    if (at < this.#here.length) this.#here[at]! |= 1 << (block % 8);
  }
}

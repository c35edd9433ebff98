import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { Fat } from '../domain/fat.ts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { bareEntries } from './entries.ts';
import type { Place } from './ext-fs.ts';
import { openReader } from './reading.ts';
import { run } from './run.ts';
import { reader, rewrite, writeAll } from './undo.ts';

const blockBytes = 64 * 1024;
const writeMs = 60_000;
/** No EFI system partition is larger. */
const maxBytes = 4 * 1024 ** 3;

/** A FAT file system, as that of UEFI: read by our own hand, written by mtools on a copy whose blocks then go back. */
export class VfatFs implements WritableFs {
  readonly #place: Place;
  readonly #scratch: string;
  readonly #signal: AbortSignal;

  constructor(place: Place, scratch: string, signal: AbortSignal) {
    this.#place = place;
    this.#scratch = scratch;
    this.#signal = signal;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return this.#with((fat) => bareEntries(folders, (folder) => fat.list(folder)));
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    const folder = this.#folder('dump-');
    const copies = this.#with((fat) =>
      files.flatMap((file, i) => {
        const content = fat.file(file, maxBytes);
        if (!content) return [];
        writeFileSync(join(folder, String(i)), content);
        return [[file, join(folder, String(i))] as const];
      }),
    );
    return { folder, files: new Map(copies) };
  }

  async attributes(): Promise<Map<string, Attributes>> {
    return new Map();
  }

  async write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    const { path: disk, offset: start, length: whole } = this.#place;
    if (whole > maxBytes) throw new TranshipError('guest.conversion', 'its FAT file system is too large');
    const folder = this.#folder('vfat-');
    const copy = join(folder, 'copy');
    const from = openSync(this.#place.path, 'r');
    const to = openSync(copy, 'w+');
    try {
      const [read, readCopy] = [reader(from), reader(to)];
      ftruncateSync(to, whole);
      for (const { at, length } of blocks(whole)) {
        const bytes = read(start + at, length);
        if (bytes.some((byte) => byte !== 0)) writeAll(to, bytes, at);
      }
      for (const target of targets) await this.#put(copy, target);
      const changed = [...blocks(whole)].filter(
        ({ at, length }) => !read(start + at, length).equals(readCopy(at, length)),
      );
      rewrite(undoLog, { disk, start }, changed, ({ at, length }) => readCopy(at, length));
    } finally {
      closeSync(from);
      closeSync(to);
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** What was written is read back by who asked; there is no more to check. */
  async check(): Promise<undefined> {
    return undefined;
  }

  async #put(copy: string, { what, inner }: PlacedTarget): Promise<void> {
    if (typeof what !== 'string' && 'link' in what)
      throw new TranshipError('guest.conversion', `${inner}: FAT knows no links`);
    const args =
      what === 'folder' ? ['mmd', '-i', copy, `::${inner}`] : ['mcopy', '-o', '-i', copy, what.file, `::${inner}`];
    const { code, stderr } = await run(args[0]!, args.slice(1), { deadlineMs: writeMs, signal: this.#signal });
    if (code !== 0) throw new TranshipError('guest.conversion', `${args[0]}: ${stderr.trim()}`);
  }

  #folder(name: string): string {
    mkdirSync(this.#scratch, { recursive: true });
    return mkdtempSync(join(this.#scratch, name));
  }

  #with<T>(use: (fat: Fat) => T): T {
    const { read, close } = openReader(this.#place.path);
    try {
      return use(new Fat(read, this.#place.offset));
    } finally {
      close();
    }
  }
}

function* blocks(length: number) {
  for (let at = 0; at < length; at += blockBytes) yield { at, length: Math.min(blockBytes, length - at) };
}

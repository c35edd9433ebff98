import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Read } from '../domain/read.ts';
import { Ntfs, type NtfsFile } from '../domain/windows/ntfs.ts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { bareEntries } from './entries.ts';
import { memoryFor, type Place } from './ext-fs.ts';
import { openReader } from './reading.ts';
import { run } from './run.ts';
import { reader, rewrite, type Stretch } from './undo.ts';

const copyBytes = 1024 ** 2;
const writeMs = 600_000;
/** services/converter/ntfs: libntfs-3g at an offset of a disk, into an overlay. */
const program = 'tranship-ntfs';

/** An NTFS file system: read by our own hand, written by libntfs-3g into an overlay whose blocks then go to the disk. */
export class NtfsFs implements WritableFs {
  readonly #place: Place;
  readonly #scratch: string;
  readonly #signal: AbortSignal;

  constructor(place: Place, scratch: string, signal: AbortSignal) {
    this.#place = place;
    this.#scratch = scratch;
    this.#signal = signal;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return this.#with((ntfs) => bareEntries(folders, (folder) => ntfs.list(folder)));
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    const folder = this.#folder('dump-');
    const copies = this.#with((ntfs) =>
      files.flatMap((path, i) => {
        const file = ntfs.open(path);
        if (!file || file.size > maxBytes) return [];
        copy(file, join(folder, String(i)));
        return [[path, join(folder, String(i))] as const];
      }),
    );
    return { folder, files: new Map(copies) };
  }

  async attributes(): Promise<Map<string, Attributes>> {
    return new Map();
  }

  async write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    const { path: disk, offset: start } = this.#place;
    await this.#overlaid(targets.map(commandOf), (changed, overlay) =>
      rewrite(undoLog, { disk, start }, changed, ({ at, length }) => overlay(at, length)),
    );
  }

  /** Whether libntfs-3g takes the volume as it is now: its records, their mirror, its log. */
  async check(): Promise<string | undefined> {
    try {
      await this.#overlaid([], () => {});
      return undefined;
    } catch (error) {
      if (error instanceof TranshipError) return error.detail;
      throw error;
    }
  }

  /** Runs commands of the program; gives what they would change of the volume. */
  async #overlaid(commands: readonly string[], use: (changed: Stretch[], overlay: Read) => void): Promise<void> {
    const folder = this.#folder('ntfs-');
    const overlay = join(folder, 'overlay');
    try {
      const { path, offset, length } = this.#place;
      const args = [path, String(offset), String(length), overlay];
      const input = commands.map((command) => `${command}\n`).join('');
      const { code, stdout, stderr } = await run(program, args, {
        ...{ input, deadlineMs: writeMs, signal: this.#signal },
        bounds: { memory: memoryFor(this.#place) },
      });
      if (code !== 0)
        throw new TranshipError('guest.conversion', `NTFS: ${stderr.trim().split('\n').slice(-3).join('; ')}`);
      const changed = [...stdout.matchAll(/^(\d+) (\d+)$/gm)].map(([, at, length]) => ({
        at: Number(at),
        length: Number(length),
      }));
      const handle = openSync(overlay, 'r');
      try {
        use(changed, reader(handle));
      } finally {
        closeSync(handle);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #folder(name: string): string {
    mkdirSync(this.#scratch, { recursive: true });
    return mkdtempSync(join(this.#scratch, name));
  }

  #with<T>(use: (ntfs: Ntfs) => T): T {
    const { read, close } = openReader(this.#place.path);
    try {
      return use(new Ntfs(read, this.#place.offset));
    } finally {
      close();
    }
  }
}

function commandOf({ what, inner }: PlacedTarget): string {
  if (typeof what !== 'string' && 'link' in what)
    throw new TranshipError('guest.conversion', `${inner}: no links are made on NTFS`);
  const parts = what === 'folder' ? ['folder', inner] : ['file', what.file, inner];
  if (parts.some((part) => /[\t\n\0]/.test(part))) throw new TranshipError('guest.conversion', `${inner}: an odd name`);
  return parts.join('\t');
}

function copy({ size, read }: NtfsFile, to: string): void {
  const handle = openSync(to, 'w');
  try {
    for (let at = 0; at < size; at += copyBytes) {
      const bytes = read(at, Math.min(copyBytes, size - at));
      if (bytes.length < Math.min(copyBytes, size - at))
        throw new TranshipError('guest.malformed', 'a file of its NTFS volume reaches beyond the disk');
      writeSync(handle, bytes);
    }
  } finally {
    closeSync(handle);
  }
}

import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Place } from '../domain/merged.ts';
import { placeOf, type Volume } from '../domain/volumes.ts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import type { Probe } from './disks.ts';
import type { ChangedPart } from './overlay.ts';
import { SparseExt } from './sparse-ext.ts';
import { changedPlaces, reader, writeAll } from './undo.ts';
import { VfatFs } from './vfat-fs.ts';

/** No EFI system partition is larger. */
const mostVfatBytes = 4 * 1024 ** 3;
const blockBytes = 64 * 1024;

interface Copied {
  readonly fs: WritableFs;
  readonly file: string;
  /** Undo logs of what was written. */
  readonly logs: string[];
  changed(): readonly Place[];
  close(): void;
}

/** The volumes of disks that are changed in files of their own, in `folder`; the disks are read only. */
export class CopiedVolumes {
  readonly #probe: Probe;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #copies = new Map<Volume, Promise<Copied>>();
  readonly #files: string[] = [];

  constructor(probe: Probe, folder: string, signal: AbortSignal) {
    this.#probe = probe;
    this.#folder = folder;
    this.#signal = signal;
  }

  /** Nothing is copied before it is used. */
  open(volume: Volume): WritableFs | undefined {
    const kind = volume.fileSystem?.kind;
    if (kind !== 'ext' && kind !== 'vfat') return undefined;
    return new Later(() => {
      const known = this.#copies.get(volume) ?? this.#copy(volume, kind);
      this.#copies.set(volume, known);
      return known;
    });
  }

  /** What was changed of a disk. */
  async changed(disk: number): Promise<ChangedPart[]> {
    const own = [...this.#copies].filter(([volume]) => volume.disk === disk);
    return Promise.all(
      own.map(async ([{ offset }, copy]) => {
        const { file, changed } = await copy;
        return { file, places: changed(), offset };
      }),
    );
  }

  /** The copies go with it. */
  async close(): Promise<void> {
    for (const each of await Promise.allSettled(this.#copies.values()))
      if (each.status === 'fulfilled') each.value.close();
    for (const file of this.#files) rmSync(file, { force: true });
  }

  async #copy(volume: Volume, kind: 'ext' | 'vfat'): Promise<Copied> {
    const { disk, offset, length } = volume;
    const path = this.#probe.disks.find(({ index }) => index === disk)!.path;
    const file = join(this.#folder, `volume-${this.#files.length}`);
    this.#files.push(file);
    if (kind === 'ext') {
      const fs = await SparseExt.open({ path, offset, length }, file, this.#folder, this.#signal);
      return { fs, file, logs: [], changed: () => fs.changed(), close: () => fs.close() };
    }
    if (length > mostVfatBytes)
      throw new TranshipError('rehearsal.unsupported', `${placeOf(volume)} is too large a FAT`);
    copyWhole(path, offset, length, file);
    const fs = new VfatFs({ path: file, offset: 0, length }, this.#folder, this.#signal);
    const logs: string[] = [];
    return { fs, file, logs, changed: () => logs.flatMap(changedPlaces), close: () => {} };
  }
}

/** A file system that is copied when it is first used. */
class Later implements WritableFs {
  readonly #copy: () => Promise<Copied>;

  constructor(copy: () => Promise<Copied>) {
    this.#copy = copy;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return (await this.#copy()).fs.list(folders);
  }

  async dump(files: readonly string[], maxBytes: number) {
    return (await this.#copy()).fs.dump(files, maxBytes);
  }

  async attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    return (await this.#copy()).fs.attributes(paths);
  }

  async unwritable(targets: readonly PlacedTarget[]): Promise<string | undefined> {
    return (await this.#copy()).fs.unwritable?.(targets);
  }

  async write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    const { fs, logs } = await this.#copy();
    logs.push(undoLog);
    await fs.write(targets, undoLog);
  }

  async check(): Promise<string | undefined> {
    return (await this.#copy()).fs.check();
  }
}

/** Zeros are left out. */
function copyWhole(path: string, offset: number, length: number, file: string): void {
  const from = openSync(path, 'r');
  const to = openSync(file, 'wx');
  try {
    ftruncateSync(to, length);
    const read = reader(from);
    for (let at = 0; at < length; at += blockBytes) {
      const bytes = read(offset + at, Math.min(blockBytes, length - at));
      if (bytes.some((byte) => byte !== 0)) writeAll(to, bytes, at);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

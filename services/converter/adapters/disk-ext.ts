import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { PlacedTarget, WritableFs } from '../ports.ts';
import { ExtFs, type Place } from './ext-fs.ts';
import { SparseExt } from './sparse-ext.ts';
import { rewrite } from './undo.ts';

/** An ext file system of a disk: read where it lies, written by e2fsprogs in a copy of its books whose blocks then go to the disk. */
export class DiskExt extends ExtFs implements WritableFs {
  readonly #scratch: string;
  readonly #signal: AbortSignal;

  constructor(place: Place, scratch: string, signal: AbortSignal) {
    super(place, scratch, signal);
    this.#scratch = scratch;
    this.#signal = signal;
  }

  async write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'ext-'));
    try {
      const copy = await SparseExt.open(this.place, join(folder, 'copy'), folder, this.#signal, false);
      try {
        await copy.write(targets);
        const changed = copy.changed().map(({ offset, length }) => ({ at: offset, length }));
        const { path: disk, offset: start } = this.place;
        rewrite(undoLog, { disk, start }, changed, ({ at, length }) => copy.read(at, length));
      } finally {
        copy.close();
      }
    } catch (error) {
      if (error instanceof TranshipError && error.code === 'rehearsal.unsupported')
        throw new TranshipError('guest.conversion', error.detail ?? error.message);
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

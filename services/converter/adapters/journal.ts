import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { BadUndoLog } from '../domain/undo-log.ts';
import type { Marks } from '../ports.ts';
import { removeDurable, writeDurable } from './durable.ts';
import { changedPlaces, removeLog, undo } from './undo.ts';

const stateSchema = z.object({
  disks: z.array(z.number()),
  /** Undo logs in the order in which they were begun. */
  logs: z.array(z.object({ file: z.string(), disk: z.number(), path: z.string() })),
});
type State = z.infer<typeof stateSchema>;

const keptSchema = z.object({ key: z.string(), disks: z.array(z.number()), result: z.unknown() });

/**
 * Knows over restarts how far a conversion came. Begun and not finished: the disks are put back by the undo logs.
 * Finished: its result is kept. Both hold only while the disks are still marked as diverged: the mark goes when they are
 * copied anew.
 *
 * A log is flushed before its disk is written to: it holds after the death of any process, and after a power failure.
 */
export class Journal {
  readonly #folder: string;
  readonly #marks: Marks;

  constructor(scratchDir: string, marks: Marks) {
    this.#folder = join(scratchDir, 'convert');
    this.#marks = marks;
    mkdirSync(this.#folder, { recursive: true });
  }

  /** The kept result of the conversion of this key, if it still holds. */
  finished(key: string): unknown {
    if (!existsSync(this.#resultFile)) return undefined;
    const kept = keptSchema.parse(JSON.parse(readFileSync(this.#resultFile, 'utf8')));
    return kept.key === key && kept.disks.every((disk) => this.#marks.isDiverged(disk)) ? kept.result : undefined;
  }

  /** Where the undo logs lie. */
  get folder(): string {
    return this.#folder;
  }

  /** Whether a conversion was begun and neither finished nor put back. */
  get open(): boolean {
    return existsSync(this.#stateFile);
  }

  /** Marks the disks as diverged; from here on they may be changed, under logs from {@link log}. */
  begin(disks: readonly number[]): void {
    rmSync(this.#resultFile, { force: true });
    this.#write({ disks: [...disks], logs: [] });
    for (const disk of disks) this.#marks.markDiverged(disk);
  }

  /** A new undo log for changes to a disk, by its file or device. */
  log(disk: number, path: string): string {
    const state = this.#read();
    const file = join(this.#folder, `undo-${state.logs.length}`);
    removeLog(file);
    this.#write({ ...state, logs: [...state.logs, { file, disk, path }] });
    return file;
  }

  /** Where each disk was changed, by its undo logs. */
  changed(): { disk: number; path: string; ranges: [number, number][] }[] {
    const { logs } = this.#read();
    return [...new Set(logs.map(({ disk }) => disk))].map((disk) => {
      const own = logs.filter((log) => log.disk === disk);
      const places = own.flatMap(({ file }) => changedPlaces(file));
      return { disk, path: own[0]!.path, ranges: places.map(({ offset, length }) => [offset, length]) };
    });
  }

  finish(key: string, result: unknown): void {
    const state = this.#read();
    writeDurable(this.#resultFile, JSON.stringify({ key, disks: state.disks, result }));
    this.#clean(state);
  }

  /** Puts the disks of a conversion that was begun back to their last byte. Throws `guest.torn` when that cannot be vouched for. */
  rollBack(): void {
    if (!this.open) return;
    const state = this.#read();
    if (existsSync(this.#resultFile)) {
      this.#clean(state);
      return;
    }
    // A disk without its mark was not changed yet, or was copied anew since: the logs say nothing of it.
    const logs = state.logs.filter(({ disk }) => this.#marks.isDiverged(disk)).reverse();
    try {
      for (const { file, path } of logs) undo(file, path);
    } catch (error) {
      if (error instanceof BadUndoLog) throw new TranshipError('guest.torn', `its undo log: ${error.message}`);
      throw error;
    }
    this.#clean(state);
    for (const disk of state.disks) this.#marks.clearDiverged(disk);
  }

  #clean(state: State): void {
    removeDurable(this.#stateFile);
    for (const { file } of state.logs) removeLog(file);
  }

  #read(): State {
    return stateSchema.parse(JSON.parse(readFileSync(this.#stateFile, 'utf8')));
  }

  #write(state: State): void {
    writeDurable(this.#stateFile, JSON.stringify(state));
  }

  get #stateFile(): string {
    return join(this.#folder, 'state.json');
  }

  get #resultFile(): string {
    return join(this.#folder, 'result.json');
  }
}

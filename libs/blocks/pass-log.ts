import { dirname } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Files, LedgerFile } from './files.ts';
import { entries, join, jsonRecord, type Sums, sumsRecord } from './records.ts';
import { type Begun, type Binding, type State, sameBinding, sumsOf, version } from './state.ts';

interface FirstRecord {
  readonly version: number;
  readonly binding: Binding;
  readonly begun: Begun;
}

/** `boot`: the data was written but not flushed, and is believed in this life of the kernel alone. */
interface StateRecord {
  readonly state: State;
  readonly boot?: string;
}

/** The file is written ahead by so many zeros: an entry within them costs the file system no change of its own. */
const growBytes = 256 * 1024;
/** So many zeros after the last entry say that it is the last. */
const emptyHead = 8;

/** The log of one pass: how it was begun; then, again and again, the sums of what was written and the state with them. */
export class PassLog {
  readonly begun: Begun;
  #state: State;
  /** The last that was noted as flushed, and the last that is synced as well. */
  #flushed: State;
  #durable: State;
  /** The data that the state speaks of may be in the kernel's hands alone, in this life of it. */
  #written: boolean;
  readonly #boot: string;
  readonly #files: Files;
  readonly #path: string;
  readonly #file: LedgerFile;
  readonly #ino: number;
  readonly #sumBytes: number;
  /** Where the next entry goes, and how far the file is written. */
  #end: number;
  #filled: number;

  private constructor(files: Files, path: string, file: LedgerFile, begun: Begun, known: Known, at: Place) {
    this.#files = files;
    this.#path = path;
    this.#file = file;
    this.begun = begun;
    this.#state = known.state;
    this.#flushed = known.flushed;
    this.#durable = known.durable;
    this.#written = known.state !== known.flushed;
    this.#boot = known.boot;
    this.#ino = at.ino;
    this.#sumBytes = at.sumBytes;
    [this.#end, this.#filled] = [at.end, at.filled];
  }

  /** A new one in the place of any other. */
  static async create(files: Files, path: string, binding: Binding, begun: Begun, state: State): Promise<PassLog> {
    const file = await files.open(`${path}.new`, 'w+');
    const first: FirstRecord = { version, binding, begun };
    const records = Buffer.concat([jsonRecord(first), jsonRecord({ state })]);
    const bytes = Buffer.concat([records, Buffer.alloc(growBytes)]);
    await file.write(bytes, 0, bytes.length, 0);
    await file.datasync();
    await files.rename(`${path}.new`, path);
    await files.syncFolder(dirname(path));
    const ino = (await files.look(path))?.ino ?? 0;
    const known = { state, flushed: state, durable: state, boot: await files.boot() };
    return new PassLog(files, path, file, begun, known, {
      ...{ ino, end: records.length, filled: bytes.length },
      sumBytes: sumsOf(binding).bytes,
    });
  }

  /** The one that is there; undefined where there is none, or one of another disk. A torn end is cut. */
  static async read(files: Files, path: string, binding: Binding): Promise<PassLog | undefined> {
    const is = await files.look(path);
    if (!is) return undefined;
    const file = await files.open(path, 'r+');
    let first: FirstRecord | undefined;
    let last: { state: State; end: number } | undefined;
    let flushed: State | undefined;
    const boot = await files.boot();
    for await (const entry of entries(file)) {
      if (!('json' in entry)) continue;
      if (!first) {
        first = entry.json as FirstRecord;
        if (first.version !== version || !sameBinding(binding, first.binding)) break;
        continue;
      }
      const { state, boot: within } = entry.json as StateRecord;
      if (within === undefined) flushed = state;
      if (within === undefined || within === boot) last = { state, end: entry.end };
    }
    if (!first || !last || !flushed) {
      await file.close();
      return undefined;
    }
    // What follows the last state was not promised.
    await file.truncate(last.end);
    // Whether that was synced nobody knows.
    const known = { state: last.state, flushed, durable: { ...flushed, doneBytes: 0, untilBytes: 0 }, boot };
    return new PassLog(files, path, file, first.begun, known, {
      ...{ ino: is.ino, end: last.end, filled: last.end },
      sumBytes: sumsOf(binding).bytes,
    });
  }

  get state(): State {
    return this.#state;
  }

  /** The last state that a power cut cannot take. */
  get durable(): State {
    return this.#durable;
  }

  async append(state: State, leaves: readonly Sums[]): Promise<void> {
    await this.note(state, leaves);
    await this.sync();
  }

  /**
   * Outlives us; and a power cut where the data was `flushed` before, and {@link sync} has ended since. Nothing said: as the
   * state before. @throws TranshipError `transfer.ledger` where another worker went on with the disk
   */
  async note(state: State, leaves: readonly Sums[], flushed = !this.#written): Promise<void> {
    if (!(await this.#isOurs()))
      throw new TranshipError('transfer.ledger', `another worker goes on with ${this.#path}`, { retry: false });
    const record: StateRecord = flushed ? { state } : { state, boot: this.#boot };
    const records = Buffer.concat([...join(leaves, this.#sumBytes).map(sumsRecord), jsonRecord(record)]);
    const grows = this.#end + records.length + emptyHead > this.#filled;
    const bytes = grows ? Buffer.concat([records, Buffer.alloc(growBytes)]) : records;
    await this.#file.write(bytes, 0, bytes.length, this.#end);
    if (grows) this.#filled = this.#end + bytes.length;
    this.#end += records.length;
    this.#state = state;
    this.#written = !flushed;
    if (flushed) this.#flushed = state;
  }

  async sync(): Promise<void> {
    const state = this.#flushed;
    if (state === this.#durable) return;
    await this.#file.datasync();
    this.#durable = state;
  }

  /** What was written so far, in the order of writing. */
  async *sums(): AsyncGenerator<Sums> {
    for await (const entry of entries(this.#file)) if ('sums' in entry && entry.end <= this.#end) yield entry;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** It is the same file still, and nobody wrote where we go on: whoever opens a log writes to it first. */
  async #isOurs(): Promise<boolean> {
    if ((await this.#files.look(this.#path))?.ino !== this.#ino) return false;
    const place = Buffer.alloc(emptyHead);
    await this.#file.read(place, 0, place.length, this.#end);
    return place.every((byte) => byte === 0);
  }
}

interface Known {
  readonly state: State;
  readonly flushed: State;
  readonly durable: State;
  readonly boot: string;
}

interface Place {
  readonly ino: number;
  readonly end: number;
  readonly filled: number;
  readonly sumBytes: number;
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import { cut, type Range, smallGap, widen } from './areas.ts';
import { type Files, type LedgerFile, openOrMake, systemFiles } from './files.ts';
import { leafBytes, leafCount, Root, type Summing } from './leaves.ts';
import { PassLog } from './pass-log.ts';
import type { Sums } from './records.ts';
import {
  type Begun,
  type Binding,
  bindingDifference,
  decide,
  type Head,
  type PassRequest,
  type Proof,
  type State,
  sameRequest,
  start,
  sumsOf,
  version,
} from './state.ts';

/** Of the leaves read at once: those of 4 GiB of a disk. */
export const pageLeaves = 64 * 1024;
/** More places than this, and a pass that was given up may have written anywhere. */
const maxTouched = 100_000;

/**
 * The ledger of one disk. `disk-<i>.ledger`: the last finished pass, written whole and by rename; `disk-<i>.leaves`: its
 * sums at their places; `disk-<i>.pass`: the log of the pass that runs, from which a finished pass is carried over. The
 * leaves are touched only when the log is complete: a cut at any moment leaves the old pass or the new one.
 */
export class Ledger {
  readonly summing: Summing;
  readonly binding: Binding;
  readonly #files: Files;
  readonly #folder: string;
  #head: Head | undefined;
  #log: PassLog | undefined;
  readonly #leaves: LedgerFile;
  #distrusted = false;
  #strange: string | undefined;
  /** Of a head that was brought back from elsewhere: where the target is not what it says. It is not on disk yet. */
  #suspects: readonly Range[] | undefined;

  private constructor(folder: string, binding: Binding, files: Files, leaves: LedgerFile) {
    this.#folder = folder;
    this.binding = binding;
    this.summing = sumsOf(binding);
    this.#files = files;
    this.#leaves = leaves;
  }

  /** What cannot be read, or is another disk's, is as none. A pass that was complete is carried over first. */
  static async open(folder: string, binding: Binding, files: Files = systemFiles): Promise<Ledger> {
    const leaves = await openOrMake(files, pathOf(folder, binding.disk, 'leaves'));
    const ledger = new Ledger(folder, binding, files, leaves);
    try {
      ledger.#head = await ledger.#readHead();
      ledger.#log = await PassLog.read(files, ledger.#path('pass'), binding);
      ledger.#distrusted = (await files.look(ledger.#path('diverged'))) !== undefined;
      if (ledger.#isDue()) await ledger.#carryOver(ledger.log);
      return ledger;
    } catch (error) {
      await ledger.close();
      throw error;
    }
  }

  /** The last finished pass; none of a target that was changed by somebody else. */
  get head(): Head | undefined {
    return this.#distrusted ? undefined : this.#head;
  }

  /** By what the ledger that is there differs, where it is another disk's: it counts as none. */
  get strange(): string | undefined {
    return this.#strange;
  }

  /** Nothing is known here, not even of a pass that was begun: the scratch volume is new. */
  get isBlank(): boolean {
    return !this.#head && !this.#log && !this.#distrusted;
  }

  /** The pass that was begun. */
  get log(): PassLog {
    if (!this.#log) throw new Error('no pass was begun');
    return this.#log;
  }

  /** Whether the log is that of the last finished pass. */
  get logIsOfHead(): boolean {
    return this.#head !== undefined && this.#log?.begun.run === this.#head.run;
  }

  /** Begins a pass, or goes on with it; gives its head where it is finished already. */
  async begin(request: PassRequest, ranges: Iterable<Range> = [], targetHoldsData = false): Promise<Head | undefined> {
    const { head } = this;
    if (head && !this.#suspects && sameRequest(head, request)) return head;
    const running = this.logIsOfHead ? undefined : this.#log;
    if (running && sameRequest(running.begun, request) && !this.#distrusted) {
      await running.append({ ...running.state, epoch: running.state.epoch + 1 }, []);
      return undefined;
    }
    const givenUp = this.#suspects ? { touched: this.#suspects } : running && { touched: await this.#touched(running) };
    const distrusted = this.#distrusted;
    const { how, ...chosen } = decide(request, { head, givenUp, distrusted, targetHoldsData });
    const planned = how === 'delta' ? widen([...ranges, ...chosen.suspects], this.binding.sizeBytes) : [];
    const begun: Begun = { ...request, ...chosen, run: randomUUID(), planned };
    const epoch = Math.max(this.#head?.epoch ?? 0, this.#log?.state.epoch ?? 0) + 1;
    await this.#log?.close();
    this.#log = await PassLog.create(this.#files, this.#path('pass'), this.binding, begun, { ...start, how, epoch });
    // The log first, which knows the suspects: a head alone would be believed.
    if (this.#suspects && head) await this.#writeHead(head);
    this.#suspects = undefined;
    if (!distrusted) return undefined;
    // From here on the log says that the target is read; the head first, which would be believed without the mark.
    await this.#files.remove(this.#path('ledger'));
    await this.#files.syncFolder(this.#folder);
    await this.#files.remove(this.#path('diverged'));
    await this.#files.syncFolder(this.#folder);
    [this.#head, this.#distrusted] = [undefined, false];
    return undefined;
  }

  /** There is no such target any more: what is said here is of another. */
  async forget(): Promise<void> {
    await this.#log?.close();
    [this.#head, this.#log, this.#suspects] = [undefined, undefined, undefined];
  }

  /**
   * Takes in the last finished pass as it was kept elsewhere, `pages` being its sums in order (undefined: zeros). False where
   * they are not those of its root. What the target holds instead is to be told by {@link suspect}; nothing lasts before the
   * next pass begins.
   */
  async restore(head: Head, pages: AsyncIterable<Buffer | undefined>): Promise<boolean> {
    await this.#leaves.truncate(0);
    let at = 0;
    for await (const page of pages) {
      if (page) await this.#leaves.write(page, 0, page.length, at);
      at += pageLeaves * this.summing.bytes;
    }
    await this.#leaves.datasync();
    if ((await this.root()) !== head.root) return false;
    [this.#head, this.#suspects] = [head, []];
    return true;
  }

  suspect(ranges: readonly Range[]): void {
    this.#suspects = widen([...(this.#suspects ?? []), ...ranges], this.binding.sizeBytes);
  }

  /** The sums of the last finished pass as {@link restore} takes them. */
  async *pages(): AsyncGenerator<Buffer | undefined> {
    const { sizeBytes } = this.binding;
    const empty = Buffer.alloc(pageLeaves * this.summing.bytes);
    for (let at = 0; at < sizeBytes; at += pageLeaves * leafBytes) {
      const page = await this.getLeaves(at, pageLeaves);
      yield page.equals(empty.subarray(0, page.length)) ? undefined : page;
    }
  }

  /** The target does not hold what is said here: whatever begins next looks at the target itself. */
  refuse(): void {
    this.#distrusted = true;
  }

  /** The same for whoever opens it next. */
  async disown(): Promise<void> {
    await markDiverged(this.#folder, this.binding.disk, this.#files);
    this.refuse();
  }

  /** Call when all is flushed. */
  async finish(state: State): Promise<Head> {
    await this.log.append({ ...state, complete: true }, []);
    return this.#carryOver(this.log);
  }

  /** Sums of the last finished pass, at most `leaves` of them from `offset` on; fewer at the disk's end. */
  async getLeaves(offset: number, leaves: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafe(leaves * this.summing.bytes), offset);
  }

  /** With the sums from `offset` on; gives as much of it as there are. */
  async #fill(memory: Buffer, offset: number): Promise<Buffer> {
    const { bytes } = this.summing;
    const sums = memory.subarray(0, leafCount(this.binding.sizeBytes - offset) * bytes);
    const { bytesRead } = await this.#leaves.read(sums, 0, sums.length, (offset / leafBytes) * bytes);
    // What was never written reads as zeros.
    sums.fill(0, bytesRead);
    return sums;
  }

  /** Over the sums as they are on disk now. */
  async root(): Promise<string> {
    return this.#rootOf(async () => {});
  }

  /**
   * The root of a target that was changed since the last finished pass, in these ranges alone: only they are read. Undefined
   * where no such pass is known.
   */
  async rootAfter(
    ranges: readonly Range[],
    read: (offset: number, target: Buffer) => Promise<void>,
  ): Promise<{ root: string; leaves: number } | undefined> {
    const { sizeBytes } = this.binding;
    if (!this.#head || (await this.root()) !== this.#head.root) return undefined;
    const changed = widen(ranges, sizeBytes);
    const requests = cut(
      changed.map(([offset, length]) => ({ offset, length, zero: false })),
      leafBytes,
      leafBytes,
    );
    let next = requests.next();
    let leaves = 0;
    const root = await this.#rootOf(async (page, from) => {
      const end = from + pageLeaves * leafBytes;
      for (; !next.done && next.value.offset < end; next = requests.next(), leaves++) {
        const { offset, length } = next.value;
        const leaf = Buffer.alloc(length);
        await read(offset, leaf);
        this.summing.sum(leaf).copy(page, ((offset - from) / leafBytes) * this.summing.bytes);
      }
    });
    return { root, leaves };
  }

  async #rootOf(change: (page: Buffer, offset: number) => Promise<void>): Promise<string> {
    const { sizeBytes } = this.binding;
    const root = new Root(sizeBytes, this.summing);
    const memory = Buffer.allocUnsafe(pageLeaves * this.summing.bytes);
    for (let at = 0; at < sizeBytes; at += pageLeaves * leafBytes) {
      const page = await this.#fill(memory, at);
      await change(page, at);
      root.add(page);
    }
    return root.hex();
  }

  /** Keeps the proofs, of which that of the last finished pass is the newest. */
  async prove(chain: readonly Proof[]): Promise<void> {
    await this.#writeHead({ ...this.#head!, chain });
  }

  /** Keeps how far the source was read once more. */
  async reread(progress: NonNullable<Head['reread']>): Promise<void> {
    await this.#writeHead({ ...this.#head!, reread: progress });
  }

  async close(): Promise<void> {
    await Promise.all([this.#leaves.close(), this.#log?.close()]);
  }

  /** A pass was complete when we were cut off, and stands on what is known. */
  #isDue(): boolean {
    if (!this.#log?.state.complete || this.logIsOfHead || this.#distrusted) return false;
    return this.#log.begun.fresh || this.#log.begun.base === this.#head?.run;
  }

  #path(kind: Kind): string {
    return pathOf(this.#folder, this.binding.disk, kind);
  }

  /** Where a pass may have written; undefined: anywhere. */
  async #touched(log: PassLog): Promise<Range[] | undefined> {
    const { begun, state } = log;
    if (begun.fresh) return undefined;
    const { sizeBytes } = this.binding;
    // A delta writes what it planned, and small gaps between; a comparison may have gone beyond its last entry.
    const open: Range[] =
      state.how === 'delta'
        ? widen(begun.planned, sizeBytes, smallGap)
        : [...begun.planned, [state.doneBytes, state.untilBytes - state.doneBytes]];
    const ranges: Range[] = [...begun.suspects, ...open];
    for await (const { offset, sums: written } of log.sums())
      ranges.push([offset, (written.length / this.summing.bytes) * leafBytes]);
    const touched = widen(ranges, sizeBytes);
    return touched.length > maxTouched ? undefined : touched;
  }

  /** Can be done again after any cut: until the head is written the log stays complete. */
  async #carryOver(log: PassLog): Promise<Head> {
    const { begun, state } = log;
    const { suspects, planned, fromTarget, base, ...known } = begun;
    const { epoch, how, readBytes, writtenBytes, auditedLeaves, liedLeaves, via } = state;
    if (begun.fresh) await this.#leaves.truncate(0);
    await this.#writeLeaves(log.sums());
    await this.#leaves.datasync();
    const counts = { readBytes, writtenBytes, auditedLeaves, liedLeaves };
    const chain = begun.fresh ? [] : (this.#head?.chain ?? []);
    return this.#writeHead({ ...known, ...counts, epoch, done: how, via, root: await this.root(), chain });
  }

  /** A page at a time: those of a delta lie scattered. */
  async #writeLeaves(all: AsyncIterable<Sums>): Promise<void> {
    const { bytes } = this.summing;
    const pageBytes = pageLeaves * bytes;
    let page: { readonly at: number; readonly sums: Buffer } | undefined;
    const write = async () => page && this.#leaves.write(page.sums, 0, page.sums.length, page.at);
    for await (const { offset, sums } of all) {
      for (let done = 0; done < sums.length; ) {
        const place = (offset / leafBytes) * bytes + done;
        const within = place % pageBytes;
        if (page?.at !== place - within) {
          await write();
          const at = place - within;
          page = { at, sums: await this.getLeaves((at / bytes) * leafBytes, pageLeaves) };
        }
        const end = done + Math.min(sums.length - done, pageBytes - within);
        sums.copy(page.sums, within, done, end);
        done = end;
      }
    }
    await write();
  }

  async #writeHead(head: Head): Promise<Head> {
    const name = this.#path('ledger');
    const body = JSON.stringify({ version, binding: this.binding, head });
    const bytes = Buffer.from(`${crc32(body)} ${body}`);
    const file = await this.#files.open(`${name}.new`, 'w+');
    try {
      await file.write(bytes, 0, bytes.length, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.#files.rename(`${name}.new`, name);
    await this.#files.syncFolder(this.#folder);
    this.#head = head;
    return head;
  }

  async #readHead(): Promise<Head | undefined> {
    const is = await this.#files.look(this.#path('ledger'));
    if (!is) return undefined;
    const file = await this.#files.open(this.#path('ledger'), 'r');
    try {
      const bytes = Buffer.alloc(is.size);
      await file.read(bytes, 0, bytes.length, 0);
      return this.#parseHead(bytes.toString());
    } finally {
      await file.close();
    }
  }

  #parseHead(text: string): Head | undefined {
    const space = text.indexOf(' ');
    const body = text.slice(space + 1);
    if (Number(text.slice(0, space)) !== crc32(body)) return undefined;
    const json = JSON.parse(body) as { version: number; binding: Binding; head: Head };
    if (json.version !== version) return undefined;
    this.#strange = bindingDifference(json.binding, this.binding);
    return this.#strange === undefined ? json.head : undefined;
  }
}

type Kind = 'ledger' | 'leaves' | 'pass' | 'diverged';
const pathOf = (folder: string, disk: number, kind: Kind) => join(folder, `disk-${disk}.${kind}`);

/** From now on the disk is no copy: written before its first change by anyone but the copy. */
export async function markDiverged(folder: string, disk: number, files: Files = systemFiles): Promise<void> {
  const file = await files.open(pathOf(folder, disk, 'diverged'), 'w+');
  await file.datasync().finally(() => file.close());
  await files.syncFolder(folder);
}

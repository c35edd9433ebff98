import { type Area, coalesce, covers, cut, plan, type Range } from './areas.ts';
import { dataRuns, leafBytes, leafCount, runs, sameSum } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import type { Job, Outcome } from './pipeline.ts';
import type { Sums } from './records.ts';
import type { Sink } from './sink.ts';

/** Where bytes come from: a client of NBD is one. */
export interface BlockSource {
  readonly size: number;
  /** Fills `target`. */
  read(offset: number, target: Buffer): Promise<void>;
  extents(offset: number, length: number): Promise<readonly Area[]>;
}

/** A part of a disk, to be read once. */
export interface StreamPiece {
  readonly offset: number;
  readonly length: number;
  /** Fills `target`. */
  read(target: Buffer): Promise<void>;
}

/** Bytes that come once, in the disk's order and in whole leaves; what it leaves out is zeros. */
export interface StreamSource {
  readonly size: number;
  pieces(): AsyncIterable<StreamPiece>;
}

export type Source = BlockSource | StreamSource;
type Request = Area & StreamPiece;

export interface JobOptions<S extends Source = Source> {
  readonly source: S;
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  /** The longest request. */
  readonly requestBytes: number;
  readonly from: number;
  readonly sum: (data: Buffer) => Buffer;
}

const minWindow = 1024 ** 3;
const maxWindow = 64 * minWindow;
/** A window with fewer extents may be larger the next time. */
const fewExtents = 64;
/** Of zeros at once. */
const zeroBytes = 1024 ** 3;
const none: Outcome = { readBytes: 0, writtenBytes: 0, leaves: [] };
const hole = (area: Area): Request => ({ ...area, read: async () => {} });

/** The disk from `from` on, in requests. */
const inPieces = (options: JobOptions, zeros: number): AsyncGenerator<Request> => {
  const { source } = options;
  return 'pieces' in source ? streamed({ ...options, source }, zeros) : allocated({ ...options, source }, zeros);
};

/** A stream begins at its beginning: what is done already goes by unread. */
async function* streamed(options: JobOptions<StreamSource>, zeros: number): AsyncGenerator<Request> {
  const { source, sizeBytes, from } = options;
  const nothing = (to: number) =>
    to > at ? Array.from(cut([{ offset: at, length: to - at, zero: true }], zeros, zeros), hole) : [];
  let at = from;
  for await (const piece of source.pieces()) {
    const end = piece.offset + piece.length;
    if (end <= from) continue;
    yield* nothing(piece.offset);
    yield { offset: piece.offset, length: piece.length, zero: false, read: (target) => piece.read(target) };
    at = end;
  }
  yield* nothing(sizeBytes);
}

/** By what the source says is allocated; the next window is asked for while this one is worked on. */
async function* allocated(options: JobOptions<BlockSource>, zeros: number): AsyncGenerator<Request> {
  const { source, sizeBytes, requestBytes, from } = options;
  let length = minWindow;
  const ask = (offset: number) => {
    const window = { offset, length: Math.min(length, sizeBytes - offset) };
    const extents = source.extents(window.offset, window.length);
    extents.catch(() => {});
    return { window, extents };
  };
  for (let next = from < sizeBytes ? ask(from) : undefined; next; ) {
    const { window, extents } = next;
    const found = await extents;
    length = found.length < fewExtents ? Math.min(length * 2, maxWindow) : minWindow;
    const end = window.offset + window.length;
    next = end < sizeBytes ? ask(end) : undefined;
    for (const area of cut(plan(found, window), requestBytes, zeros))
      yield { ...area, read: (target) => source.read(area.offset, target) };
  }
}

/** All that is allocated; zeros are left out where the target reads as zeros already. */
export function full(options: JobOptions & { readonly zeroed: boolean }): Job<Request> {
  const { sink, ledger, zeroed, sum } = options;
  return {
    areas: inPieces(options, zeroBytes),
    need: ({ zero, length }) => (zero ? 0 : length),
    work: async ({ offset, length, zero, read }, memory) => {
      if (zero) {
        if (!zeroed) await sink.zero(offset, length);
        return none;
      }
      await read(memory);
      const sums = sum(memory);
      let writtenBytes = 0;
      for (const run of dataRuns(length, sums, ledger.summing)) {
        if (run.yes) await sink.write(offset + run.at, memory.subarray(run.at, run.at + run.length));
        else if (!zeroed) await sink.zero(offset + run.at, run.length);
        if (run.yes) writtenBytes += run.length;
      }
      return { readBytes: length, writtenBytes, leaves: [{ offset, sums }] };
    },
  };
}

/** The ranges alone, each written as it is: a zero here stands for something that was deleted. */
export function delta(
  options: JobOptions<BlockSource> & { readonly ranges: readonly Range[]; readonly gap: () => number },
): Job {
  const { source, sink, ranges, from, requestBytes, gap, sum } = options;
  return {
    areas: coalesce(ranges, from, requestBytes, gap),
    need: ({ length }) => length,
    work: async ({ offset, length }, memory) => {
      await source.read(offset, memory);
      await sink.write(offset, memory);
      return { readBytes: length, writtenBytes: length, leaves: [{ offset, sums: sum(memory) }] };
    },
  };
}

/** Reads the source, its holes known as zeros, and writes what is not so in the target, of which the ledger knows the sums. */
export function compare(options: JobOptions & { readonly suspects: readonly Range[] }): Job<Request> {
  const { ledger, suspects, sum } = options;
  const changed = (sums: Buffer, known: Buffer, offset: number) => (leaf: number) =>
    !sameSum(sums, known, leaf, ledger.summing) || covers(suspects, offset + leaf * leafBytes);
  return {
    areas: inPieces(options, zeroBytes),
    need: ({ zero, length }) => (zero ? 0 : length),
    work: async ({ offset, length, zero, read }, memory) => {
      const known = ledger.getLeaves(offset, leafCount(length));
      if (!zero) await read(memory);
      const sums = zero ? Buffer.alloc(leafCount(length) * ledger.summing.bytes) : sum(memory);
      return put(options, { offset, length, zero, sums, memory }, changed(sums, await known, offset));
    },
  };
}

/** The same where nothing is known of the target: it is read as well, and all its leaves are learnt. */
export function compareWithTarget(options: JobOptions): Job<Request> {
  const { sink, ledger, requestBytes, sum } = options;
  const givesBack = ({ zero, length }: Area) => zero && length >= (sink.discardBytes ?? Number.POSITIVE_INFINITY);
  async function* areas() {
    for await (const area of inPieces(options, zeroBytes))
      if (!area.zero || givesBack(area)) yield area;
      else yield* Array.from(cut([area], requestBytes, requestBytes), hole);
  }
  return {
    areas: areas(),
    need: (area) => (givesBack(area) ? 0 : area.zero ? area.length : room(area.length) + area.length),
    work: async (area, memory) => {
      const { offset, length, zero, read } = area;
      // Whatever it holds.
      if (givesBack(area)) {
        await sink.zero(offset, length);
        return none;
      }
      const own = zero ? memory : memory.subarray(room(length), room(length) + length);
      const data = zero ? memory : memory.subarray(0, length);
      await Promise.all([sink.read(offset, own), zero ? undefined : read(data)]);
      const is = sum(own);
      const sums = zero ? Buffer.alloc(is.length) : sum(data);
      const differs = (leaf: number) => !sameSum(sums, is, leaf, ledger.summing);
      const { readBytes, writtenBytes } = await put(options, { offset, length, zero, sums, memory: data }, differs);
      return { readBytes, writtenBytes, leaves: zero ? [] : [{ offset, sums }] };
    },
  };
}

const room = (length: number) => leafCount(length) * leafBytes;

interface Piece extends Area {
  readonly sums: Buffer;
  readonly memory: Buffer;
}

/** Writes the leaves that changed. */
async function put({ sink, ledger }: JobOptions, piece: Piece, changed: (leaf: number) => boolean): Promise<Outcome> {
  const { offset, length, zero, sums, memory } = piece;
  const leaves: Sums[] = [];
  const sumBytes = ledger.summing.bytes;
  let writtenBytes = 0;
  for (const { at, length: size, yes } of runs(length, changed)) {
    if (!yes) continue;
    if (zero) await sink.zero(offset + at, size);
    else await sink.write(offset + at, memory.subarray(at, at + size));
    const first = (at / leafBytes) * sumBytes;
    leaves.push({ offset: offset + at, sums: sums.subarray(first, first + leafCount(size) * sumBytes) });
    writtenBytes += size;
  }
  return { readBytes: zero ? 0 : length, writtenBytes, leaves };
}

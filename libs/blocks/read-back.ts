import { type Area, cut, plan, type Range } from './areas.ts';
import { Arena } from './arena.ts';
import { leafBytes, leafCount, type Summing, sameSum } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import type { Sink } from './sink.ts';

const requestBytes = 1024 * 1024;
const lanes = 8;
/** Of zeros at once. */
const mostZeros = 1024 ** 3;

export interface ReadOptions {
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done, and that were read for it. */
  readonly onProgress?: ((doneBytes: number, readBytes: number) => void) | undefined;
}

/** Reads areas of a disk, many at once, and tells of each leaf that is not what the ledger says; zeros need no reading. */
export async function readAgainst(
  { ledger, sizeBytes, signal, onProgress }: ReadOptions,
  areas: Iterable<Area> | AsyncIterable<Area>,
  read: (offset: number, target: Buffer) => Promise<void>,
  found: (offset: number) => void,
): Promise<void> {
  const arena = new Arena(lanes * requestBytes);
  const { summing } = ledger;
  const none = Buffer.alloc(leafCount(mostZeros) * summing.bytes);
  const requests = (async function* () {
    for await (const area of areas) yield* cut([area], requestBytes, mostZeros);
  })();
  let readBytes = 0;
  const check = async ({ offset, length, zero }: Area) => {
    const data = zero ? undefined : await arena.take(length);
    try {
      if (data) await read(offset, data);
      const is = data ? summing.sum(data) : none.subarray(0, leafCount(length) * summing.bytes);
      const should = await ledger.getLeaves(offset, leafCount(length));
      for (const leaf of different(is, should, summing)) found(offset + leaf * leafBytes);
    } finally {
      if (data) arena.release(data);
    }
    if (!zero) readBytes += length;
    onProgress?.(Math.min(offset + length, sizeBytes), readBytes);
  };
  const lane = async () => {
    for (let next = await requests.next(); !next.done; next = await requests.next()) {
      signal?.throwIfAborted();
      await check(next.value);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function* different(a: Buffer, b: Buffer, summing: Summing): Generator<number> {
  if (a.equals(b)) return;
  for (let leaf = 0; leaf * summing.bytes < a.length; leaf++) if (!sameSum(a, b, leaf, summing)) yield leaf;
}

const windowBytes = 64 * 1024 ** 3;

/** Ranges of a target as areas to be read; what it knows to be zeros need not be. */
export async function* areasOf(sink: Sink, ranges: readonly Range[]): AsyncGenerator<Area> {
  for (const [offset, length] of ranges) {
    if (!sink.extents) yield { offset, length, zero: false };
    else
      for (let at = offset; at < offset + length; at += windowBytes) {
        const window = { offset: at, length: Math.min(windowBytes, offset + length - at) };
        yield* plan(await sink.extents(at, window.length), window);
      }
  }
}

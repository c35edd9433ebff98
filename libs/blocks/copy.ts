import { type Area, cut, plan } from './areas.ts';
import { leafBytes, Root, runs, sumBytes, sumLeaves, sumZeros } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import type { Disk } from './sink.ts';

/** Where bytes come from: {@link NbdClient} is one. */
export interface BlockSource {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
  extents(offset: number, length: number): Promise<readonly Area[]>;
}

export interface CopyOptions {
  readonly source: BlockSource;
  readonly disk: Disk;
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  /** The target reads as zeros beyond what the ledger says is done. */
  readonly zeroed: boolean;
  readonly signal?: AbortSignal;
  /** Called with the bytes that are done, the disk's zeros included. */
  readonly onProgress?: (doneBytes: number) => void;
}

const requestBytes = 2 * 1024 * 1024;
const depth = 16;
/** Between two entries of the ledger: what a kill may cost. */
const flushBytes = 64 * 1024 * 1024 - depth * requestBytes;
const windowBytes = 1024 ** 3;
/** Of zeros at once, so that their leaves stay small in memory. */
const zeroBytes = 256 * 1024 * 1024;
const zeros = Buffer.alloc(requestBytes);

/** One full pass of a disk, from where the ledger says; up to 16 requests in flight, taken in the disk's order. */
export async function copy(options: CopyOptions): Promise<{ readBytes: number; root: string }> {
  const { source, disk, ledger, sizeBytes, signal, onProgress } = options;
  const { doneBytes, readBytes: readBefore, root: finished } = ledger.head;
  if (finished !== undefined) return { readBytes: readBefore, root: finished };
  const queue: { area: Area; work: Promise<void> }[] = [];
  let [done, read, flushed] = [doneBytes, readBefore, doneBytes];

  const save = async () => {
    await disk.flush();
    await ledger.advance({ doneBytes: done, readBytes: read });
    flushed = done;
  };
  const settle = async () => {
    const { area, work } = queue.shift()!;
    await work;
    done = area.offset + area.length;
    if (!area.zero) read += area.length;
    onProgress?.(done);
  };
  try {
    for (let at = doneBytes; at < sizeBytes; at += windowBytes) {
      const window = { offset: at, length: Math.min(windowBytes, sizeBytes - at) };
      for (const area of requests(await source.extents(window.offset, window.length), window)) {
        signal?.throwIfAborted();
        queue.push({ area, work: one(area, options) });
        // Its failure is seen when its turn comes; until then it must not count as unhandled.
        queue.at(-1)!.work.catch(() => {});
        if (queue.length >= depth) await settle();
        if (read - ledger.head.readBytes >= flushBytes || done - flushed >= windowBytes) await save();
      }
    }
    while (queue.length > 0) await settle();
  } finally {
    await Promise.allSettled(queue.map(({ work }) => work));
  }
  await save();
  const root = await rootOf(ledger, sizeBytes);
  await ledger.advance({ doneBytes: sizeBytes, readBytes: read, root });
  return { readBytes: read, root };
}

function* requests(extents: readonly Area[], window: { offset: number; length: number }): Generator<Area> {
  for (const area of cut(plan(extents, window), requestBytes))
    if (!area.zero) yield area;
    else
      for (let at = 0; at < area.length; at += zeroBytes)
        yield { offset: area.offset + at, length: Math.min(zeroBytes, area.length - at), zero: true };
}

async function one(area: Area, { source, disk, ledger, zeroed }: CopyOptions): Promise<void> {
  if (area.zero) {
    if (!zeroed) await writeZeros(disk, area.offset, area.length);
    return ledger.putLeaves(area.offset, sumZeros(area.length));
  }
  const data = await source.read(area.offset, area.length);
  for (const { at, length, zero } of runs(data)) {
    if (!zero) await disk.write(data.subarray(at, at + length), area.offset + at);
    else if (!zeroed) await writeZeros(disk, area.offset + at, length);
  }
  await ledger.putLeaves(area.offset, sumLeaves(data));
}

async function writeZeros(disk: Disk, offset: number, length: number): Promise<void> {
  for (let at = 0; at < length; at += zeros.length)
    await disk.write(zeros.subarray(0, Math.min(zeros.length, length - at)), offset + at);
}

const pageLeaves = 64 * 1024;

export async function rootOf(ledger: Ledger, sizeBytes: number): Promise<string> {
  const root = new Root(sizeBytes);
  const total = Math.ceil(sizeBytes / leafBytes);
  for (let leaf = 0; leaf < total; leaf += pageLeaves) {
    const want = Math.min(pageLeaves, total - leaf);
    const sums = await ledger.getLeaves(leaf * leafBytes, want);
    if (sums.length !== want * sumBytes) throw new Error('leaves are missing');
    root.add(sums);
  }
  return root.hex();
}

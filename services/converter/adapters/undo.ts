import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32c } from '../domain/crc32c.ts';
import type { Read } from '../domain/read.ts';
import { BadUndoLog, undoIndex } from '../domain/undo-log.ts';

/** Reads at a position, from a file that stays open. */
export const reader =
  (handle: number): Read =>
  (offset, length) => {
    // What a disk says of itself may point anywhere.
    if (!Number.isSafeInteger(offset + length) || offset < 0 || length <= 0) return Buffer.alloc(0);
    const buffer = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const count = readSync(handle, buffer, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return buffer.subarray(0, done);
  };

const keptFile = (log: string) => `${log}.kept`;
const headBytes = 16;

/** Keeps stretches of a disk beside its undo log, to be put back after what the log holds. Durable before it returns. */
export function keep(log: string, stretches: Iterable<{ readonly offset: number; readonly bytes: Buffer }>): void {
  const to = openSync(keptFile(log), 'w');
  try {
    let at = 0;
    for (const { offset, bytes } of stretches) {
      const head = Buffer.alloc(headBytes);
      head.writeBigUInt64LE(BigInt(offset), 0);
      head.writeBigUInt64LE(BigInt(bytes.length), 8);
      writeAll(to, Buffer.concat([head, bytes]), at);
      at += headBytes + bytes.length;
    }
    fsyncSync(to);
  } finally {
    closeSync(to);
  }
}

/**
 * Keeps the superblock of an ext file system: for one that does not begin with its disk, e2fsprogs logs another block in
 * its place.
 */
export function keepSuperblock(log: string, disk: string, start: number): void {
  const offset = start + 1024;
  const from = openSync(disk, 'r');
  try {
    keep(log, [{ offset, bytes: reader(from)(offset, 1024) }]);
  } finally {
    closeSync(from);
  }
}

/** A part of a disk from `start` on that is written anew: `length` bytes at `at`, counted from there. */
export interface Stretch {
  readonly at: number;
  readonly length: number;
}

/** Writes stretches of a disk; what they write over is kept beside the log first. Durable before it returns. */
export function rewrite<T extends Stretch>(
  log: string,
  { disk, start }: { readonly disk: string; readonly start: number },
  stretches: readonly T[],
  content: (stretch: T) => Buffer,
): void {
  const to = openSync(disk, 'r+');
  try {
    const before = reader(to);
    const kept = function* () {
      for (const { at, length } of stretches) yield { offset: start + at, bytes: before(start + at, length) };
    };
    keep(log, kept());
    for (const stretch of stretches) writeAll(to, content(stretch), start + stretch.at);
    fsyncSync(to);
  } finally {
    closeSync(to);
  }
}

/** Where a log says that its disk was changed. Throws {@link BadUndoLog}. */
export const changedPlaces = (log: string): { offset: number; length: number }[] =>
  withEntries(log, (entries) => entries.map(({ offset, bytes }) => ({ offset, length: bytes().length })));

/** Puts a disk back to what it was before the log was begun, to its last byte. Throws {@link BadUndoLog} before the first write. */
export function undo(log: string, disk: string): void {
  withEntries(log, (entries) => {
    for (const { bytes, crc } of entries)
      if (crc !== undefined && crc32c(bytes()) !== crc) throw new BadUndoLog('a block of it is torn');
    if (entries.length === 0) return;
    const to = openSync(disk, 'r+');
    try {
      for (const { offset, bytes } of entries) writeAll(to, bytes(), offset);
      fsyncSync(to);
    } finally {
      closeSync(to);
    }
  });
}

export function removeLog(log: string): void {
  rmSync(log, { force: true });
  rmSync(keptFile(log), { force: true });
}

interface Entry {
  readonly offset: number;
  readonly crc?: number | undefined;
  /** Read anew at each call: a log may be large. */
  bytes(): Buffer;
}

/** What was kept, in the order in which it is put back. */
function withEntries<T>(log: string, use: (entries: readonly Entry[]) => T): T {
  const handles: number[] = [];
  const opened = (file: string) => {
    handles.push(openSync(file, 'r'));
    return handles.at(-1)!;
  };
  try {
    return use([
      ...(existsSync(log) ? logged(opened(log)) : []),
      ...(existsSync(keptFile(log)) ? kept(opened(keptFile(log))) : []),
    ]);
  } finally {
    for (const handle of handles) closeSync(handle);
  }
}

function logged(handle: number): Entry[] {
  const read = reader(handle);
  return undoIndex(read, fstatSync(handle).size).map(({ diskOffset, logOffset, length, crc }) => ({
    offset: diskOffset,
    crc,
    bytes: () => read(logOffset, length),
  }));
}

/** One that was cut off was not yet relied upon: nothing was written to the disk. */
function kept(handle: number): Entry[] {
  const read = reader(handle);
  const found: Entry[] = [];
  for (let at = 0, size = fstatSync(handle).size; at < size; ) {
    const head = read(at, headBytes);
    const length = head.length === headBytes ? Number(head.readBigUInt64LE(8)) : Number.POSITIVE_INFINITY;
    if (at + headBytes + length > size) return [];
    const start = at + headBytes;
    found.push({ offset: Number(head.readBigUInt64LE(0)), bytes: () => read(start, length) });
    at = start + length;
  }
  return found;
}

export function writeAll(handle: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, offset + done);
}

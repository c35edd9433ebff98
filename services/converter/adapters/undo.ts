import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Read } from '../domain/read.ts';
import { BadUndoLog } from '../domain/undo-log.ts';
import { flush } from './durable.ts';

/** Reads at a position, from a file that stays open. */
export const reader =
  (handle: number): Read =>
  (offset, length) => {
    // What a disk says of itself may point anywhere.
    if (!Number.isSafeInteger(offset + length) || offset < 0 || length <= 0) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = readSync(handle, buffer, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return buffer.subarray(0, done);
  };

const magic = 'TRANSHIPUNDO0001';
const headBytes = 20;
const sumOf = (head: Buffer, bytes: Buffer) => crc32(bytes, crc32(head.subarray(0, 16)));

/**
 * Keeps stretches of a disk in an undo log. It is there wholly or not at all, and durable before it returns: only then is the
 * disk written to.
 */
export function keep(log: string, stretches: Iterable<{ readonly offset: number; readonly bytes: Buffer }>): void {
  const temporary = `${log}.new`;
  const to = openSync(temporary, 'w');
  try {
    let at = writeAll(to, Buffer.from(magic), 0);
    const put = (offset: number, bytes: Buffer) => {
      const head = Buffer.alloc(headBytes);
      head.writeBigUInt64LE(BigInt(offset), 0);
      head.writeBigUInt64LE(BigInt(bytes.length), 8);
      head.writeUInt32LE(sumOf(head, bytes), 16);
      at += writeAll(to, head, at);
      at += writeAll(to, bytes, at);
    };
    for (const { offset, bytes } of stretches) put(offset, bytes);
    // Its end.
    put(at, Buffer.alloc(0));
    fsyncSync(to);
  } finally {
    closeSync(to);
  }
  renameSync(temporary, log);
  flush(dirname(log));
}

/** A part of a disk from `start` on that is written anew: `length` bytes at `at`, counted from there. */
export interface Stretch {
  readonly at: number;
  readonly length: number;
}

/** Writes stretches of a disk; what they write over is kept in the log first. Durable before it returns. */
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
    for (const entry of entries) if (!entry.isWhole(entry.bytes())) throw new BadUndoLog('a block of it is torn');
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
  rmSync(`${log}.new`, { force: true });
}

interface Entry {
  readonly offset: number;
  /** Whether the bytes are those that were kept. */
  isWhole(bytes: Buffer): boolean;
  /** Read anew at each call: a log may be large. */
  bytes(): Buffer;
}

/** What was kept, in the order in which it is put back. A log that is not there was not yet relied upon: nothing was written. */
function withEntries<T>(log: string, use: (entries: readonly Entry[]) => T): T {
  if (!existsSync(log)) return use([]);
  const handle = openSync(log, 'r');
  try {
    return use(kept(handle));
  } finally {
    closeSync(handle);
  }
}

function kept(handle: number): Entry[] {
  const read = reader(handle);
  if (read(0, magic.length).toString('latin1') !== magic) throw new BadUndoLog('it does not begin as one');
  const found: Entry[] = [];
  for (let at = magic.length, size = fstatSync(handle).size; ; ) {
    const head = read(at, headBytes);
    const start = at + headBytes;
    if (start > size) throw new BadUndoLog('it is cut short');
    const [offset, length] = [Number(head.readBigUInt64LE(0)), Number(head.readBigUInt64LE(8))];
    if (start + length > size) throw new BadUndoLog('it is cut short');
    const bytes = () => read(start, length);
    const isWhole = (own: Buffer) => own.length === length && sumOf(head, own) === head.readUInt32LE(16);
    if (length === 0) {
      if (offset !== at || !isWhole(Buffer.alloc(0))) throw new BadUndoLog('its end is torn');
      return found;
    }
    found.push({ offset, isWhole, bytes });
    at = start + length;
  }
}

/** Gives the number of bytes, all of which are written. */
export function writeAll(handle: number, bytes: Buffer, offset: number): number {
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, offset + done);
  return bytes.length;
}

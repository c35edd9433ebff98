import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
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

const superblockAt = 1024;
const superblockBytes = 1024;
const superblockFile = (log: string) => `${log}.super`;

/**
 * Keeps the superblock of an ext file system beside its undo log: for one that does not begin with its disk, e2fsprogs
 * logs another block in its place. Durable before it returns.
 */
export function keepSuperblock(log: string, disk: string, offset: number): void {
  const from = openSync(disk, 'r');
  const to = openSync(superblockFile(log), 'w');
  try {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(offset + superblockAt));
    writeAll(to, Buffer.concat([head, reader(from)(offset + superblockAt, superblockBytes)]), 0);
    fsyncSync(to);
  } finally {
    closeSync(from);
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
  rmSync(superblockFile(log), { force: true });
}

interface Entry {
  readonly offset: number;
  readonly crc?: number | undefined;
  /** Read anew at each call: a log may be large. */
  bytes(): Buffer;
}

/** What was kept, in the order in which it is put back. */
function withEntries<T>(log: string, use: (entries: readonly Entry[]) => T): T {
  if (!existsSync(log)) return use([]);
  const from = openSync(log, 'r');
  try {
    const read = reader(from);
    const found = undoIndex(read, fstatSync(from).size).map(
      ({ diskOffset, logOffset, length, crc }): Entry => ({
        offset: diskOffset,
        crc,
        bytes: () => read(logOffset, length),
      }),
    );
    if (found.length === 0 || !existsSync(superblockFile(log))) return use(found);
    const kept = readFileSync(superblockFile(log));
    return use([...found, { offset: Number(kept.readBigUInt64LE(0)), bytes: () => kept.subarray(8) }]);
  } finally {
    closeSync(from);
  }
}

export function writeAll(handle: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, offset + done);
}

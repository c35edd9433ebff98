import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
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

/** Puts a disk back to what it was before the log was begun, to its last byte. Throws {@link BadUndoLog} before the first write. */
export function undo(log: string, disk: string): void {
  if (!existsSync(log)) return;
  const from = openSync(log, 'r');
  try {
    const read = reader(from);
    const kept = undoIndex(read, fstatSync(from).size);
    for (const { logOffset, length, crc } of kept)
      if (crc !== undefined && crc32c(read(logOffset, length)) !== crc) throw new BadUndoLog('a block of it is torn');
    const to = openSync(disk, 'r+');
    try {
      for (const { diskOffset, logOffset, length } of kept) writeAll(to, read(logOffset, length), diskOffset);
      fsyncSync(to);
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
}

export function writeAll(handle: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, offset + done);
}

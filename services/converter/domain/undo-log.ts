import { crc32c } from './crc32c.ts';
import type { Read } from './read.ts';

/** One stretch of the disk as it was: `length` bytes at `diskOffset`, kept at `logOffset`. */
export interface Kept {
  readonly diskOffset: number;
  readonly logOffset: number;
  readonly length: number;
  /** CRC-32C of the bytes; undefined for a last stretch that was being extended when the writer died. */
  readonly crc?: number;
}

/** The log cannot be read to its end: what it keeps is no longer to be trusted. */
export class BadUndoLog extends Error {
  override readonly name = 'BadUndoLog';
}

const keyBlockMagic = 0xcadecade;
const maxKeys = 1 << 22;

/**
 * Reads the index of an undo log as e2fsprogs writes it (`-z`), also one whose writer was killed: each old block is
 * handed to the kernel before its key, the key before the header, and the header before the new block is written.
 * Throws {@link BadUndoLog}.
 */
export function undoIndex(read: Read, size: number): Kept[] {
  const header = read(0, 512);
  // Without a header nothing was written to the disk yet.
  if (header.length < 512 || header.every((byte) => byte === 0)) return [];
  if (header.toString('latin1', 0, 8) !== 'E2UNDO02') throw new BadUndoLog('it does not begin as an undo log');
  if (crc32c(header.subarray(0, 508)) !== header.readUInt32LE(508)) throw new BadUndoLog('its header is torn');
  const keys = Number(header.readBigUInt64LE(8));
  const blockSize = header.readUInt32LE(32);
  const unit = header.readUInt32LE(36);
  const base = header.readUInt32LE(48) & 1 ? Number(header.readBigUInt64LE(64)) : 0;
  if (keys > maxKeys || blockSize < 1024 || blockSize > 1024 ** 2 || unit === 0)
    throw new BadUndoLog('its header makes no sense');
  const kept: Kept[] = [];
  let at = Number(header.readBigUInt64LE(24)) * blockSize;
  while (kept.length < keys) {
    const block = keyBlock(read, at, blockSize);
    at += blockSize;
    for (let i = 16; i < blockSize && kept.length < keys; i += 16) {
      const length = block.readUInt32LE(i + 12);
      const diskOffset = base + Number(block.readBigUInt64LE(i)) * unit;
      const last = kept.length === keys - 1;
      const room = Math.floor((size - at) / blockSize) * blockSize;
      if (length <= room) kept.push({ diskOffset, logOffset: at, length, crc: block.readUInt32LE(i + 8) });
      else if (last) kept.push({ diskOffset, logOffset: at, length: Math.max(0, room) });
      else throw new BadUndoLog('it is cut short');
      at += Math.ceil(length / blockSize) * blockSize;
    }
  }
  return kept;
}

function keyBlock(read: Read, at: number, blockSize: number): Buffer {
  const block = Buffer.from(read(at, blockSize));
  if (block.length < blockSize || block.readUInt32LE(0) !== keyBlockMagic)
    throw new BadUndoLog('a key block is missing');
  const crc = block.readUInt32LE(4);
  block.writeUInt32LE(0, 4);
  if (crc32c(block) !== crc) throw new BadUndoLog('a key block is torn');
  return block;
}

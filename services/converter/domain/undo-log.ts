import type { Place } from './merged.ts';
import type { Read } from './read.ts';

/** A log cannot be read to its end: what it keeps is no longer to be trusted. */
export class BadUndoLog extends Error {
  override readonly name = 'BadUndoLog';
}

const keyBlockMagic = 0xcadecade;
const maxKeys = 1 << 22;

/**
 * Where e2fsprogs changed a file of their own, whose blocks have this size, by the undo log that they wrote to its end
 * (`-z`). Throws {@link BadUndoLog}.
 */
export function changedIn(read: Read, blockSize: number): Place[] {
  const header = read(0, 512);
  // Without a header nothing was written.
  if (header.length < 512 || header.every((byte) => byte === 0)) return [];
  if (header.toString('latin1', 0, 8) !== 'E2UNDO02') throw new BadUndoLog('it does not begin as an undo log');
  const keys = Number(header.readBigUInt64LE(8));
  const logBlock = header.readUInt32LE(32);
  const unit = header.readUInt32LE(36);
  // A larger one would tell of blocks beside those that were changed.
  if (keys > maxKeys || logBlock !== blockSize || unit === 0) throw new BadUndoLog('its header makes no sense');
  const places: Place[] = [];
  let at = Number(header.readBigUInt64LE(24)) * logBlock;
  while (places.length < keys) {
    const block = read(at, logBlock);
    if (block.length < logBlock || block.readUInt32LE(0) !== keyBlockMagic)
      throw new BadUndoLog('a key block is missing');
    at += logBlock;
    for (let i = 16; i < logBlock && places.length < keys; i += 16) {
      const length = block.readUInt32LE(i + 12);
      places.push({ offset: Number(block.readBigUInt64LE(i)) * unit, length });
      at += Math.ceil(length / logBlock) * logBlock;
    }
  }
  return places;
}

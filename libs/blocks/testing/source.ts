import type { BlockSource } from '../index.ts';
import { leafBytes } from '../leaves.ts';

export const mib = 1024 * 1024;
const zeros = Buffer.alloc(leafBytes);

/** Data in places, holes elsewhere; dies after so many reads, when told. */
export class MemorySource implements BlockSource {
  readonly bytes: Buffer;
  readonly lengths: number[] = [];
  readonly #dieAt: number;

  constructor(bytes: Buffer, dieAt = Number.POSITIVE_INFINITY) {
    this.bytes = bytes;
    this.#dieAt = dieAt;
  }
  get size() {
    return this.bytes.length;
  }
  /** Bytes that were read. */
  get readBytes() {
    return this.lengths.reduce((sum, each) => sum + each, 0);
  }
  async read(offset: number, target: Buffer) {
    if (this.lengths.push(target.length) > this.#dieAt) throw new Error('the source is gone');
    this.bytes.copy(target, 0, offset, offset + target.length);
  }
  async extents(offset: number, length: number) {
    const found = [];
    for (let at = offset; at < offset + length; at += leafBytes) {
      const part = this.bytes.subarray(at, Math.min(at + leafBytes, offset + length));
      found.push({ offset: at, length: part.length, zero: part.equals(zeros.subarray(0, part.length)) });
    }
    return found;
  }
}

export function patterned(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += mib / 2)
    if ((Math.floor(at / mib / 2) + seed) % 3 !== 0) bytes.fill(`${seed}-${at};`, at, Math.min(size, at + 200_000));
  return bytes;
}

/** Numbers that look random and come again with the seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

import { createHash, type Hash } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';

/** Every disk is proven leaf by leaf. */
export const leafBytes = 64 * 1024;
/** A leaf's checksum, in the leaves file: crc32c, little-endian. */
export const sumBytes = 4;

const zeros = Buffer.alloc(leafBytes);
const zeroSum = crc32c(zeros);

export const leafCount = (sizeBytes: number): number => Math.ceil(sizeBytes / leafBytes);

/** The sums of a whole number of leaves; only the disk's last leaf may be short. */
export function sumLeaves(data: Buffer): Buffer {
  const sums = Buffer.allocUnsafe(leafCount(data.length) * sumBytes);
  for (let at = 0, i = 0; at < data.length; at += leafBytes, i += sumBytes)
    sums.writeUInt32LE(crc32c(data.subarray(at, at + leafBytes)), i);
  return sums;
}

/** The sums of an area that reads as zeros. */
export function sumZeros(length: number): Buffer {
  const full = Math.floor(length / leafBytes);
  const sums = Buffer.allocUnsafe(leafCount(length) * sumBytes);
  for (let i = 0; i < full; i++) sums.writeUInt32LE(zeroSum, i * sumBytes);
  const rest = length % leafBytes;
  if (rest > 0) sums.writeUInt32LE(crc32c(zeros.subarray(0, rest)), full * sumBytes);
  return sums;
}

export interface Run {
  readonly at: number;
  readonly length: number;
  readonly zero: boolean;
}

/** Neighbouring leaves that are all zero, or all not. */
export function runs(data: Buffer): Run[] {
  const found: { at: number; length: number; zero: boolean }[] = [];
  for (let at = 0; at < data.length; at += leafBytes) {
    const leaf = data.subarray(at, at + leafBytes);
    const zero = leaf.equals(zeros.subarray(0, leaf.length));
    const last = found.at(-1);
    if (last?.zero === zero) last.length += leaf.length;
    else found.push({ at, length: leaf.length, zero });
  }
  return found;
}

/** The root of a disk: SHA-256 over its size and its leaves in order, so that none can change its place. */
export class Root {
  readonly #hash: Hash;

  constructor(sizeBytes: number) {
    this.#hash = createHash('sha256').update(`tranship-root-1 ${sizeBytes} ${leafBytes}\n`);
  }

  add(sums: Buffer): void {
    this.#hash.update(sums);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}

import { createHash, type Hash } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';

/** Every disk is proven leaf by leaf. */
export const leafBytes = 64 * 1024;
/** A leaf's sum, little-endian: crc32c xor the crc32c of as many zeros. So a leaf of zeros has 0, and no other has. */
export const sumBytes = 4;

const zeros = Buffer.alloc(leafBytes);
const zeroSum = crc32c(zeros);

export const leafCount = (bytes: number): number => Math.ceil(bytes / leafBytes);

function sum(leaf: Buffer): number {
  const short = leaf.length < leafBytes;
  if (leaf[0] === 0 && leaf.equals(short ? zeros.subarray(0, leaf.length) : zeros)) return 0;
  return (crc32c(leaf) ^ (short ? crc32c(zeros.subarray(0, leaf.length)) : zeroSum)) >>> 0 || 1;
}

/** The sums of a whole number of leaves; only the disk's last leaf may be short. */
export function sumLeaves(data: Buffer): Buffer {
  const sums = Buffer.allocUnsafe(leafCount(data.length) * sumBytes);
  for (let at = 0, i = 0; at < data.length; at += leafBytes, i += sumBytes)
    sums.writeUInt32LE(sum(data.subarray(at, at + leafBytes)), i);
  return sums;
}

/** Neighbouring leaves with one answer; `at` and `length` in bytes of the data that the leaves are of. */
export interface Run {
  readonly at: number;
  readonly length: number;
  readonly yes: boolean;
}

/** Runs of leaves for which `ask` says the same. */
export function runs(bytes: number, ask: (leaf: number) => boolean): Run[] {
  const found: { at: number; length: number; yes: boolean }[] = [];
  for (let at = 0, leaf = 0; at < bytes; at += leafBytes, leaf++) {
    const [yes, length] = [ask(leaf), Math.min(leafBytes, bytes - at)];
    const last = found.at(-1);
    if (last?.yes === yes) last.length += length;
    else found.push({ at, length, yes });
  }
  return found;
}

/** Runs of leaves that hold more than zeros. */
export const dataRuns = (bytes: number, sums: Buffer): Run[] =>
  runs(bytes, (leaf) => sums.readUInt32LE(leaf * sumBytes) !== 0);

/** Which leaf is the first whose sums differ; -1: none. */
export function firstDifference(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return -1;
  for (let at = 0; at < a.length; at += sumBytes) if (a.readUInt32LE(at) !== b.readUInt32LE(at)) return at / sumBytes;
  return -1;
}

/** The root of a disk: SHA-256 over its size and its leaves in order, so that none can change its place. */
export class Root {
  readonly #hash: Hash;

  constructor(sizeBytes: number) {
    this.#hash = createHash('sha256').update(`tranship-root-2 ${sizeBytes} ${leafBytes}\n`);
  }

  add(sums: Buffer): void {
    this.#hash.update(sums);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}

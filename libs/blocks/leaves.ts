import { createHash, type Hash, hash } from 'node:crypto';
import { crc32 as crc } from '@node-rs/crc32';
import { leafBytes } from '@tranship/contracts';

export { leafBytes };
export const leafCount = (bytes: number): number => Math.ceil(bytes / leafBytes);

export type SumName = 'crc32' | 'sha256';
/** How the leaves of a disk are summed. A leaf of zeros has a sum of zeros, and no other has. */
export interface Summing {
  readonly name: SumName;
  /** Of one leaf's sum. */
  readonly bytes: number;
  /** The sums of a whole number of leaves; only the disk's last leaf may be short. */
  readonly sum: (data: Buffer) => Buffer;
}

const zeros = Buffer.alloc(leafBytes);
const zeroSum = crc(zeros);

function isZero(leaf: Buffer): boolean {
  return leaf[0] === 0 && leaf.equals(leaf.length < leafBytes ? zeros.subarray(0, leaf.length) : zeros);
}

function summing(name: SumName, bytes: number, write: (leaf: Buffer, sums: Buffer, at: number) => void): Summing {
  const sum = (data: Buffer) => {
    const sums = Buffer.allocUnsafe(leafCount(data.length) * bytes);
    for (let at = 0, i = 0; at < data.length; at += leafBytes, i += bytes)
      write(data.subarray(at, at + leafBytes), sums, i);
    return sums;
  };
  return { name, bytes, sum };
}

/** Finds accidents. Little-endian: CRC-32 xor that of as many zeros. ADR 12. */
export const crc32 = summing('crc32', 4, (leaf, sums, at) => {
  if (isZero(leaf)) sums.writeUInt32LE(0, at);
  else {
    const zero = leaf.length < leafBytes ? crc(zeros.subarray(0, leaf.length)) : zeroSum;
    sums.writeUInt32LE((crc(leaf) ^ zero) >>> 0 || 1, at);
  }
});

/** Finds forgers too. */
export const sha256 = summing('sha256', 32, (leaf, sums, at) => {
  if (isZero(leaf)) sums.fill(0, at, at + 32);
  else hash('sha256', leaf, 'buffer').copy(sums, at);
});

export const summingOf = (name: SumName): Summing => (name === 'sha256' ? sha256 : crc32);

/** Whether a leaf, counted from the first of both, has the same sum. */
export function sameSum(a: Buffer, b: Buffer, leaf: number, { bytes }: Summing): boolean {
  const at = leaf * bytes;
  if (a.readUInt32LE(at) !== b.readUInt32LE(at)) return false;
  return bytes === 4 || a.compare(b, at, at + bytes, at, at + bytes) === 0;
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

const noSum = Buffer.alloc(32);

/** Runs of leaves that hold more than zeros. */
export const dataRuns = (bytes: number, sums: Buffer, { bytes: each }: Summing): Run[] =>
  runs(bytes, (leaf) => {
    const at = leaf * each;
    return sums.readUInt32LE(at) !== 0 || (each > 4 && sums.compare(noSum, 0, each, at, at + each) !== 0);
  });

/** The root of a disk: SHA-256 over its size and its leaves in order, so that none can change its place. */
export class Root {
  readonly #hash: Hash;

  constructor(sizeBytes: number, { name }: Summing = crc32) {
    const sums = name === 'crc32' ? '' : ` ${name}`;
    this.#hash = createHash('sha256').update(`tranship-root-3 ${sizeBytes} ${leafBytes}${sums}\n`);
  }

  add(sums: Buffer): void {
    this.#hash.update(sums);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}

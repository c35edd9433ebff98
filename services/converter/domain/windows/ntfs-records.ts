export interface Attribute {
  readonly type: number;
  readonly name: string;
  readonly resident?: Buffer;
  readonly runs?: readonly Run[];
  /** Which of its clusters is the first here. */
  readonly first: number;
  readonly size: number;
  /** Bytes that were ever written; those behind them are zeros, whatever their clusters hold. */
  readonly valid: number;
  /** Compressed or encrypted: its clusters are not its content. */
  readonly packed?: boolean;
}

/** Clusters of a file in its order; `at` undefined: a hole. */
export interface Run {
  readonly at: number | undefined;
  readonly count: number;
}

const [maxRuns, maxEntries] = [100_000, 4096];

export function attribute(bytes: Buffer, type: number): Attribute {
  const at = bytes.readUInt16LE(10);
  const name = bytes.toString('utf16le', at, at + 2 * bytes.readUInt8(9));
  if (bytes.readUInt8(8) === 0) {
    const start = bytes.readUInt16LE(20);
    const resident = bytes.subarray(start, start + bytes.readUInt32LE(16));
    return { type, name, resident, first: 0, size: resident.length, valid: resident.length };
  }
  if (bytes.length < 64) return { type, name, runs: [], first: 0, size: 0, valid: 0 };
  return {
    type,
    name,
    runs: runsOf(bytes.subarray(bytes.readUInt16LE(32))),
    first: Number(bytes.readBigUInt64LE(16)),
    size: Number(bytes.readBigUInt64LE(48)),
    valid: Number(bytes.readBigUInt64LE(56)),
    packed: (bytes.readUInt16LE(12) & 0x40ff) !== 0,
  };
}

/** A file in several records: its runs are one, its size stands beside the first of them. */
export function joined(attributes: readonly Attribute[]): Attribute[] {
  const found: Attribute[] = [];
  for (const each of [...attributes].sort((a, b) => a.first - b.first)) {
    const i = found.findIndex(({ type, name, runs }) => each.runs && runs && type === each.type && name === each.name);
    if (i < 0) found.push(each);
    else found[i] = { ...found[i]!, runs: [...found[i]!.runs!, ...each.runs!].slice(0, maxRuns) };
  }
  return found;
}

function runsOf(bytes: Buffer): Run[] {
  const runs: Run[] = [];
  let cluster = 0;
  for (let at = 0; at < bytes.length && runs.length < maxRuns; ) {
    const [lengthBytes, offsetBytes] = [bytes[at]! & 15, bytes[at]! >> 4];
    if (lengthBytes === 0 || lengthBytes > 6 || offsetBytes > 6 || at + 1 + lengthBytes + offsetBytes > bytes.length)
      break;
    const count = bytes.readUIntLE(at + 1, lengthBytes);
    if (offsetBytes > 0) cluster += bytes.readIntLE(at + 1 + lengthBytes, offsetBytes);
    runs.push({ at: offsetBytes > 0 ? cluster : undefined, count });
    at += 1 + lengthBytes + offsetBytes;
  }
  return runs;
}

/** A run with the bytes of the file that it holds, from `start` to before `end`. */
interface Placed {
  readonly run: Run;
  readonly start: number;
  readonly end: number;
}

export function startsOf(runs: readonly Run[], cluster: number): Placed[] {
  let end = 0;
  return runs.flatMap((run) => {
    const start = end;
    end += run.count * cluster;
    return end > start ? [{ run, start, end }] : [];
  });
}

/** Which run holds a byte of the file; -1: none. By halves: a file may have a hundred thousand, and be read ten thousand times. */
export function runAt(placed: readonly Placed[], at: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle]!.end <= at) low = middle + 1;
    else high = middle;
  }
  return low < placed.length && placed[low]!.start <= at ? low : -1;
}

/** A record is guarded by two bytes at the end of each sector: they stand elsewhere. Empty: it is none. */
export function fixed(record: Buffer, magic: string): Buffer {
  if (record.length < 512 || record.toString('latin1', 0, 4) !== magic) return Buffer.alloc(0);
  const whole = Buffer.from(record);
  const [at, count] = [whole.readUInt16LE(4), whole.readUInt16LE(6)];
  for (let i = 1; i < count && i * 512 <= whole.length && at + 2 * i + 2 <= whole.length; i++)
    whole.copy(whole, i * 512 - 2, at + 2 * i, at + 2 * i + 2);
  return whole;
}

export interface IndexEntry {
  readonly name: string;
  readonly record: number;
  readonly folder: boolean;
  readonly size: number;
  /** The short name of a file that has a longer one. */
  readonly short: boolean;
}

/** The names in a node of a folder's index: its header, then entries. */
export function* entriesOf(node: Buffer): Generator<IndexEntry> {
  for (let at = node.readUInt32LE(0), i = 0; at + 16 <= node.length && i < maxEntries; i++) {
    const length = node.readUInt16LE(at + 8);
    if ((node.readUInt16LE(at + 12) & 2) !== 0 || length < 16 || at + length > node.length) return;
    if (length >= 84)
      yield {
        name: node.toString('utf16le', at + 82, at + 82 + 2 * node.readUInt8(at + 80)),
        record: node.readUIntLE(at, 6),
        folder: (node.readUInt32LE(at + 72) & 0x10000000) !== 0,
        size: Number(node.readBigUInt64LE(at + 64)),
        short: node.readUInt8(at + 81) === 2,
      };
    at += length;
  }
}

import type { Read } from './read.ts';

export interface Partition {
  /** As Linux numbers it: sda5 is 5. */
  readonly number: number;
  /** Bytes from the disk's begin. */
  readonly offset: number;
  readonly length: number;
  /** MBR: two hex digits; GPT: the type's GUID, lower case. */
  readonly type: string;
  /** As in `PARTUUID=`. */
  readonly uuid: string;
  /** MBR's boot flag. */
  readonly active: boolean;
}

export interface PartitionTable {
  readonly kind: 'mbr' | 'gpt' | 'none';
  readonly partitions: readonly Partition[];
  /** Whether the first sector holds code for a BIOS to run. */
  readonly bootCode: boolean;
  /** Entries that end beyond the disk: it was cut short, or is of another size than it was. */
  readonly beyond?: number;
}

const sector = 512;
const maxLogical = 64;
const maxEntries = 1024;
const extended = new Set(['05', '0f', '85']);
export const espType = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
export const biosBootType = '21686148-6449-6e6f-744e-656564454649';

/** Reads the partition table of a disk of `size` bytes with 512-byte sectors. Entries that do not fit the disk are left out. */
export function readPartitions(read: Read, size: number): PartitionTable {
  const first = read(0, sector);
  if (!signed(first)) return { kind: 'none', partitions: [], bootCode: false };
  const bootCode = first.subarray(0, 440).some((byte) => byte !== 0);
  const entries = mbrEntries(first);
  // A file system without a table may end its first sector with the same signature: FAT and NTFS do.
  if (entries.some(({ flag }) => flag !== 0x80 && flag !== 0)) return { kind: 'none', partitions: [], bootCode };
  const gpt = entries.some(({ type }) => type === 'ee') ? readGpt(read) : undefined;
  const found = gpt ?? readMbr(read, first, entries);
  const partitions = found.filter(({ offset, length }) => offset > 0 && length > 0 && offset + length <= size);
  const beyond = found.filter(({ offset, length }) => length > 0 && offset + length > size).length;
  const kind = gpt ? 'gpt' : partitions.length > 0 ? 'mbr' : 'none';
  return { kind, partitions, bootCode, ...(beyond > 0 ? { beyond } : {}) };
}

const signed = (block: Buffer) => block.length >= sector && block.readUInt16LE(510) === 0xaa55;

function mbrEntries(block: Buffer) {
  return [0, 1, 2, 3].map((i) => {
    const at = 446 + 16 * i;
    return {
      number: i + 1,
      flag: block[at]!,
      type: block.subarray(at + 4, at + 5).toString('hex'),
      start: block.readUInt32LE(at + 8),
      count: block.readUInt32LE(at + 12),
    };
  });
}

type MbrEntry = ReturnType<typeof mbrEntries>[number];

function readMbr(read: Read, first: Buffer, entries: readonly MbrEntry[]): Partition[] {
  const id = first.readUInt32LE(440).toString(16).padStart(8, '0');
  const partition = (entry: MbrEntry, number: number, base: number): Partition => ({
    number,
    offset: (base + entry.start) * sector,
    length: entry.count * sector,
    type: entry.type,
    uuid: `${id}-${number.toString(16).padStart(2, '0')}`,
    active: entry.flag === 0x80,
  });
  const used = entries.filter(({ type, count }) => type !== '00' && count > 0);
  const found = used.filter(({ type }) => !extended.has(type)).map((entry) => partition(entry, entry.number, 0));
  const container = used.find(({ type }) => extended.has(type));
  if (!container) return found;
  // Logical partitions are a chain: each record holds its partition, relative to itself, and the next record, relative to the container.
  let at = container.start;
  for (let number = 5; number < 5 + maxLogical; number++) {
    const block = read(at * sector, sector);
    if (!signed(block)) break;
    const [own, next] = mbrEntries(block);
    if (own!.type !== '00' && own!.count > 0) found.push(partition(own!, number, at));
    if (!extended.has(next!.type) || next!.count === 0) break;
    at = container.start + next!.start;
  }
  return found;
}

function readGpt(read: Read): Partition[] | undefined {
  const header = read(sector, sector);
  if (header.length < sector || header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const count = Math.min(header.readUInt32LE(80), maxEntries);
  const size = header.readUInt32LE(84);
  if (size < 128 || size > 4096) return undefined;
  const at = Number(header.readBigUInt64LE(72)) * sector;
  if (!Number.isSafeInteger(at)) return undefined;
  const table = read(at, count * size);
  const partitions: Partition[] = [];
  for (let i = 0; i < count && (i + 1) * size <= table.length; i++) {
    const entry = table.subarray(i * size, (i + 1) * size);
    const type = guid(entry, 0);
    if (/^[0-]+$/.test(type)) continue;
    const start = Number(entry.readBigUInt64LE(32));
    const end = Number(entry.readBigUInt64LE(40));
    partitions.push({
      number: i + 1,
      offset: start * sector,
      length: (end - start + 1) * sector,
      type,
      uuid: guid(entry, 16),
      active: false,
    });
  }
  return partitions;
}

/** GUIDs hold their first three fields in little-endian order. */
function guid(bytes: Buffer, at: number): string {
  const hex = (from: number, to: number) => bytes.subarray(at + from, at + to).toString('hex');
  const turned = (from: number, to: number) =>
    Buffer.from(bytes.subarray(at + from, at + to))
      .reverse()
      .toString('hex');
  return [turned(0, 4), turned(4, 6), turned(6, 8), hex(8, 10), hex(10, 16)].join('-');
}

/** Whether a type of a partition, as either table has it, is that of UEFI's own. */
export const isEsp = (type: string | undefined): boolean => type === espType || type === 'ef';

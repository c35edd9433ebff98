import type { Read } from '../read.ts';
import { logIsClean } from './ntfs-log.ts';
import {
  type Attribute,
  attribute,
  entriesOf,
  fixed,
  type IndexEntry,
  joined,
  runAt,
  startsOf,
} from './ntfs-records.ts';

/** A file of an NTFS volume, read where it is asked for. */
export interface NtfsFile {
  readonly size: number;
  readonly read: Read;
}

const types = { list: 0x20, volume: 0x70, data: 0x80, root: 0x90, allocation: 0xa0 } as const;
const [maxAttributes, maxBlocks, maxParts, maxNames] = [256, 16_384, 256, 100_000];
const records = { table: 0, log: 2, volume: 3, root: 5, bitmap: 6 } as const;
const [bitmapStep, maxBitmap] = [1024 ** 2, 512 * 1024 ** 2];

/** Reads an NTFS file system, bounded, and changes nothing. What makes no sense is not there. */
export class Ntfs {
  readonly #read: Read;
  readonly #cluster: number;
  readonly #recordSize: number;
  readonly #table: NtfsFile | undefined;

  constructor(read: Read, offset: number) {
    this.#read = (at, length) => read(offset + at, length);
    const boot = this.#read(0, 512);
    const perCluster = boot.length === 512 ? boot.readUInt8(13) : 0;
    const sectors = perCluster > 128 ? 2 ** (256 - perCluster) : perCluster;
    this.#cluster = boot.length === 512 ? boot.readUInt16LE(11) * sectors : 0;
    const size = boot.length === 512 ? boot.readInt8(64) : 0;
    const record = size < 0 ? 2 ** -size : size * this.#cluster;
    const sane = this.#cluster >= 512 && this.#cluster <= 2 ** 21 && record >= 1024 && record <= 65536;
    this.#recordSize = record;
    if (!sane) return;
    const first = fixed(this.#read(Number(boot.readBigUInt64LE(48)) * this.#cluster, record), 'FILE');
    this.#table = this.#file(this.#parse(first).find(({ type }) => type === types.data));
    // The table may lie in many pieces itself: those that its first record does not name are found by the ones that it does.
    this.#table = this.#content(records.table) ?? this.#table;
  }

  /** Whether Windows wants to check the volume before its next use; undefined: that cannot be told. */
  get dirty(): boolean | undefined {
    const found = this.#attributes(records.volume).find(({ type }) => type === types.volume)?.resident;
    return found && found.length >= 12 ? (found.readUInt16LE(10) & 1) !== 0 : undefined;
  }

  /** Whether all that its log holds is in its place: it was unmounted in order. */
  get logClean(): boolean {
    const log = this.#content(records.log);
    return log === undefined || logIsClean(log.read, log.size);
  }

  get freeBytes(): number | undefined {
    const map = this.#content(records.bitmap);
    if (!map || map.size > maxBitmap) return undefined;
    let free = 0;
    for (let at = 0; at < map.size; at += bitmapStep) {
      const bytes = map.read(at, Math.min(bitmapStep, map.size - at));
      if (bytes.length === 0) return undefined;
      for (const byte of bytes) free += zeros[byte]!;
    }
    return free * this.#cluster;
  }

  /** A file by its path from the root, without case. One that is compressed or encrypted is not there. */
  open(path: string): NtfsFile | undefined {
    const record = this.#find(path);
    return record === undefined ? undefined : this.#content(record);
  }

  /** The names in a folder, by its path from the root, without case. */
  list(path: string): IndexEntry[] | undefined {
    const record = this.#find(path);
    if (record === undefined) return undefined;
    const found: IndexEntry[] = [];
    for (const node of this.#nodes(record)) {
      for (const entry of entriesOf(node)) if (!entry.short) found.push(entry);
      if (found.length > maxNames) break;
    }
    return found;
  }

  #find(path: string): number | undefined {
    let record: number | undefined = records.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      record = this.#lookUp(record, name.toLowerCase());
      if (record === undefined) return undefined;
    }
    return record;
  }

  #lookUp(folder: number, wanted: string): number | undefined {
    for (const node of this.#nodes(folder))
      for (const { name, record } of entriesOf(node)) if (name.toLowerCase() === wanted) return record;
    return undefined;
  }

  /** The nodes of a folder's index, its root first. */
  *#nodes(folder: number): Generator<Buffer> {
    const attributes = this.#attributes(folder).filter((each) => each.name === '$I30');
    const root = attributes.find(({ type }) => type === types.root)?.resident;
    if (root && root.length > 32) yield root.subarray(16);
    const blocks = this.#file(attributes.find(({ type }) => type === types.allocation));
    const size = root && root.length > 12 ? root.readUInt32LE(8) : 0;
    if (!blocks || size < 512 || size > 65536) return;
    for (let i = 0; i < maxBlocks && (i + 1) * size <= blocks.size; i++) {
      const block = fixed(blocks.read(i * size, size), 'INDX');
      if (block.length > 24) yield block.subarray(24);
    }
  }

  #content(record: number): NtfsFile | undefined {
    const data = this.#attributes(record).find(({ type, name }) => type === types.data && name === '');
    return data?.packed ? undefined : this.#file(data);
  }

  /** Of a record, with those that its list places in other records. */
  #attributes(record: number): Attribute[] {
    const own = this.#parse(this.#record(record));
    const list = own.find(({ type }) => type === types.list);
    if (!list) return own;
    const content = this.#file(list)?.read(0, Math.min(list.size, 65536)) ?? Buffer.alloc(0);
    const others = new Set<number>();
    for (let at = 0; at + 24 <= content.length && others.size < maxParts; ) {
      const other = content.readUIntLE(at + 16, 6);
      if (other !== record) others.add(other);
      at += Math.max(content.readUInt16LE(at + 4), 24);
    }
    const all = [...own, ...[...others].flatMap((other) => this.#parse(this.#record(other)))];
    return joined(all);
  }

  #record(number: number): Buffer {
    return fixed(this.#table?.read(number * this.#recordSize, this.#recordSize) ?? Buffer.alloc(0), 'FILE');
  }

  #parse(record: Buffer): Attribute[] {
    const found: Attribute[] = [];
    if (record.length < 48) return found;
    for (let at = record.readUInt16LE(20), i = 0; at + 24 <= record.length && i < maxAttributes; i++) {
      const type = record.readUInt32LE(at);
      const length = record.readUInt32LE(at + 4);
      if (type === 0xffffffff || length < 24 || at + length > record.length) break;
      found.push(attribute(record.subarray(at, at + length), type));
      at += length;
    }
    return found;
  }

  #file(found: Attribute | undefined): NtfsFile | undefined {
    if (!found) return undefined;
    const { resident, runs = [], size, valid } = found;
    if (resident) return { size: resident.length, read: (at, length) => resident.subarray(at, at + length) };
    const cluster = this.#cluster;
    const placed = startsOf(runs, cluster);
    const read: Read = (at, length) => {
      const parts: Buffer[] = [];
      let [from, left] = [at, Math.min(length, size - at)];
      for (let i = runAt(placed, at); left > 0 && i >= 0 && i < placed.length; i++) {
        const { run, start, end } = placed[i]!;
        const part = Math.min(left, end - from);
        const written = run.at === undefined ? 0 : Math.max(0, Math.min(part, valid - from));
        const bytes = written > 0 ? this.#read(run.at! * cluster + (from - start), written) : Buffer.alloc(0);
        parts.push(bytes);
        if (bytes.length < written) break;
        if (written < part) parts.push(Buffer.alloc(part - written));
        from += part;
        left -= part;
      }
      return Buffer.concat(parts);
    };
    return { size, read };
  }
}

/** How many clusters a byte of the bitmap calls free. */
const zeros = Array.from({ length: 256 }, (_, byte) => 8 - byte.toString(2).replaceAll('0', '').length);

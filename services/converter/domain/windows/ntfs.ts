import type { Read } from '../read.ts';
import { type Attribute, attribute, fixed, inEntries, joined, runAt, startsOf } from './ntfs-records.ts';

/** A file of an NTFS volume, read where it is asked for. */
export interface NtfsFile {
  readonly size: number;
  readonly read: Read;
}

const types = { list: 0x20, volume: 0x70, data: 0x80, root: 0x90, allocation: 0xa0 } as const;
const [maxAttributes, maxBlocks, maxParts] = [256, 16_384, 256];
const rootFolder = 5;
const volumeRecord = 3;

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
  }

  /** Whether Windows wants to check the volume before its next use; undefined: that cannot be told. */
  get dirty(): boolean | undefined {
    const found = this.#attributes(volumeRecord).find(({ type }) => type === types.volume)?.resident;
    return found && found.length >= 12 ? (found.readUInt16LE(10) & 1) !== 0 : undefined;
  }

  /** A file by its path from the root, without case. */
  open(path: string): NtfsFile | undefined {
    let record: number | undefined = rootFolder;
    for (const name of path.split('/')) {
      record = this.#lookUp(record, name.toLowerCase());
      if (record === undefined) return undefined;
    }
    return this.#file(this.#attributes(record).find(({ type, name }) => type === types.data && name === ''));
  }

  #lookUp(folder: number, name: string): number | undefined {
    const attributes = this.#attributes(folder).filter((each) => each.name === '$I30');
    const root = attributes.find(({ type }) => type === types.root)?.resident;
    const found = root && root.length > 32 ? inEntries(root.subarray(16), name) : undefined;
    if (found !== undefined) return found;
    const blocks = this.#file(attributes.find(({ type }) => type === types.allocation));
    const size = root && root.length > 12 ? root.readUInt32LE(8) : 0;
    if (!blocks || size < 512 || size > 65536) return undefined;
    for (let i = 0; i < maxBlocks && (i + 1) * size <= blocks.size; i++) {
      const block = fixed(blocks.read(i * size, size), 'INDX');
      const hit = block.length > 24 ? inEntries(block.subarray(24), name) : undefined;
      if (hit !== undefined) return hit;
    }
    return undefined;
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
    const { resident, runs = [], size } = found;
    if (resident) return { size: resident.length, read: (at, length) => resident.subarray(at, at + length) };
    const cluster = this.#cluster;
    const placed = startsOf(runs, cluster);
    const read: Read = (at, length) => {
      const parts: Buffer[] = [];
      let [from, left] = [at, Math.min(length, size - at)];
      for (let i = runAt(placed, at); left > 0 && i >= 0 && i < placed.length; i++) {
        const { run, start, end } = placed[i]!;
        const part = Math.min(left, end - from);
        const bytes = run.at === undefined ? Buffer.alloc(part) : this.#read(run.at * cluster + (from - start), part);
        parts.push(bytes);
        if (bytes.length < part) break;
        from += part;
        left -= part;
      }
      return Buffer.concat(parts);
    };
    return { size, read };
  }
}

import type { Read } from './read.ts';

export interface FatEntry {
  readonly name: string;
  readonly folder: boolean;
  readonly size: number;
  readonly cluster: number;
}

const [maxEntries, maxClusters] = [16_384, 1 << 20];

/** Reads a FAT file system (12, 16 or 32 bits), bounded. What makes no sense is not there. */
export class Fat {
  readonly #read: Read;
  readonly #cluster: number = 0;
  readonly #clusters: number = 0;
  readonly #table: number = 0;
  readonly #bits: 12 | 16 | 32 = 32;
  readonly #data: number = 0;
  readonly #root: { readonly at: number; readonly length: number } | number = 0;

  constructor(read: Read, offset: number) {
    this.#read = (at, length) => read(offset + at, length);
    const boot = this.#read(0, 512);
    if (boot.length < 512) return;
    const [sector, perCluster, reserved] = [boot.readUInt16LE(11), boot.readUInt8(13), boot.readUInt16LE(14)];
    const [copies, rootEntries] = [boot.readUInt8(16), boot.readUInt16LE(17)];
    const perTable = boot.readUInt16LE(22) || boot.readUInt32LE(36);
    const total = boot.readUInt16LE(19) || boot.readUInt32LE(32);
    if (![512, 1024, 2048, 4096].includes(sector) || perCluster === 0) return;
    const rootAt = (reserved + copies * perTable) * sector;
    const rootBytes = rootEntries * 32;
    this.#data = rootAt + Math.ceil(rootBytes / sector) * sector;
    this.#cluster = sector * perCluster;
    this.#table = reserved * sector;
    this.#clusters = Math.floor((total * sector - this.#data) / this.#cluster);
    this.#bits = this.#clusters < 4085 ? 12 : this.#clusters < 65_525 ? 16 : 32;
    this.#root = this.#bits === 32 ? boot.readUInt32LE(44) : { at: rootAt, length: rootBytes };
  }

  /** The entries of a folder; undefined: there is none. */
  list(path: string): FatEntry[] | undefined {
    let content =
      typeof this.#root === 'number' ? this.#chain(this.#root) : this.#read(this.#root.at, this.#root.length);
    for (const name of path.split('/').filter((part) => part !== '')) {
      const found = named(entriesOf(content), name);
      if (!found?.folder) return undefined;
      content = this.#chain(found.cluster);
    }
    return entriesOf(content);
  }

  /** A file's content, of at most `maxBytes`. */
  file(path: string, maxBytes: number): Buffer | undefined {
    const at = path.lastIndexOf('/');
    const found = named(this.list(path.slice(0, at)) ?? [], path.slice(at + 1));
    return found && !found.folder && found.size <= maxBytes
      ? this.#chain(found.cluster, found.size).subarray(0, found.size)
      : undefined;
  }

  /** The clusters from one on, as far as `wanted` bytes reach. */
  #chain(first: number, wanted = maxEntries * 32): Buffer {
    const parts: Buffer[] = [];
    for (let at = first, got = 0, seen = 0; got < wanted && this.#cluster > 0 && seen < maxClusters; seen++) {
      if (at < 2 || at >= this.#end) break;
      const part = this.#read(this.#data + (at - 2) * this.#cluster, this.#cluster);
      if (part.length === 0) break;
      parts.push(part);
      got += part.length;
      at = this.#next(at);
    }
    return Buffer.concat(parts);
  }

  /** Undefined: it is none, or larger than any for UEFI. */
  get freeBytes(): number | undefined {
    if (this.#cluster === 0 || this.#clusters > maxClusters) return undefined;
    const table = this.#read(this.#table, this.#place(this.#clusters + 2) + 4);
    let free = 0;
    for (let each = 2; each < this.#clusters + 2; each++) if (this.#entry(table, this.#place(each), each) === 0) free++;
    return free * this.#cluster;
  }

  get #end(): number {
    return { 12: 0xff8, 16: 0xfff8, 32: 0xffffff8 }[this.#bits];
  }

  #next(cluster: number): number {
    return this.#entry(this.#read(this.#table + this.#place(cluster), 4), 0, cluster);
  }

  /** Where a cluster's entry begins in the table. */
  #place(cluster: number): number {
    return Math.floor((cluster * this.#bits) / 8);
  }

  #entry(bytes: Buffer, at: number, cluster: number): number {
    if (bytes.length < at + 4) return this.#end;
    if (this.#bits === 32) return bytes.readUInt32LE(at) & 0x0fffffff;
    if (this.#bits === 16) return bytes.readUInt16LE(at);
    return cluster & 1 ? bytes.readUInt16LE(at) >> 4 : bytes.readUInt16LE(at) & 0xfff;
  }
}

const named = (entries: readonly FatEntry[], name: string) =>
  entries.find((entry) => entry.name.toLowerCase() === name.toLowerCase());

/** Long names stand before their entry, last part first. */
function entriesOf(folder: Buffer): FatEntry[] {
  const entries: FatEntry[] = [];
  let long = '';
  for (let at = 0; at + 32 <= folder.length && entries.length < maxEntries; at += 32) {
    const entry = folder.subarray(at, at + 32);
    if (entry[0] === 0) break;
    if (entry[0] === 0xe5) long = '';
    else if (entry[11] === 0x0f) long = longPart(entry) + long;
    else {
      if ((entry[11]! & 0x08) === 0) entries.push(entryOf(entry, long.replace(/\0.*$/s, '')));
      long = '';
    }
  }
  return entries.filter(({ name }) => name !== '.' && name !== '..' && !/[/\0\n]/.test(name));
}

const longPart = (entry: Buffer) =>
  Buffer.concat([entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)]).toString('utf16le');

function entryOf(entry: Buffer, long: string): FatEntry {
  // Two bits say which half of a short name is meant in small letters.
  const part = (from: number, to: number, small: number) => {
    const text = entry.toString('latin1', from, to).trimEnd();
    return (entry[12]! & small) !== 0 ? text.toLowerCase() : text;
  };
  const [base, end] = [part(0, 8, 0x08), part(8, 11, 0x10)];
  return {
    name: long !== '' ? long : end === '' ? base : `${base}.${end}`,
    folder: (entry[11]! & 0x10) !== 0,
    size: entry.readUInt32LE(28),
    cluster: entry.readUInt16LE(20) * 65536 + entry.readUInt16LE(26),
  };
}

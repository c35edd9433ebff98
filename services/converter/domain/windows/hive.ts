import type { Read } from '../read.ts';
import type { RegistryValue } from './registry.ts';

const start = 4096;
const [maxKeys, maxValues, maxCell, maxLists] = [65_536, 4096, 1024 ** 2, 1024];
/** Of a key or a value that is looked at in passing: its head and its name, of 255 letters at most. */
const headBytes = 600;
/** Of all that is read of one hive, and what a cell costs beside its bytes. */
const [maxBytes, cellBytes] = [64 * 1024 ** 2, 64];

type Cells = ReadonlyMap<string, Buffer>;

/** A registry hive, read only, bounded. Keys are found by their path, without case. What makes no sense is not there. */
export class Hive {
  readonly #read: Read;
  /** By path, in lower case: the keys right below it and its values, by their names in lower case. Each is read once. */
  readonly #keysOf = new Map<string, Cells>();
  readonly #valuesOf = new Map<string, Cells>();
  #left = maxBytes;

  constructor(read: Read) {
    this.#read = read;
  }

  /** Whether all that was written to it is in its place, and not in its logs alone. */
  get clean(): boolean {
    const head = this.#head();
    return head !== undefined && head.readUInt32LE(4) === head.readUInt32LE(8);
  }

  has(path: string): boolean {
    return this.#key(path.toLowerCase()) !== undefined;
  }

  /** The names of the keys right below one, in the hive's order. */
  keys(path: string): string[] {
    return [...this.#below(path.toLowerCase()).values()].map(keyName);
  }

  /** The names of a key's values; `''` is the default one. */
  values(path: string): string[] {
    return [...this.#valuesIn(path.toLowerCase()).values()].map(valueName);
  }

  raw(path: string, name: string): RegistryValue | undefined {
    const cell = this.#valuesIn(path.toLowerCase()).get(name.toLowerCase());
    return cell && this.#content(cell);
  }

  /** A value as text or number. */
  value(path: string, name: string): string | number | undefined {
    const { type, data } = this.raw(path, name) ?? {};
    if (type === 4) return data && data.length >= 4 ? data.readUInt32LE(0) : undefined;
    return type === 1 || type === 2 ? data?.toString('utf16le').replace(/\0.*$/s, '') : undefined;
  }

  #head(): Buffer | undefined {
    const head = this.#read(0, 64);
    return head.length === 64 && head.toString('latin1', 0, 4) === 'regf' ? head : undefined;
  }

  #key(path: string): Buffer | undefined {
    const at = path.lastIndexOf('\\');
    if (path !== '') return this.#below(path.slice(0, Math.max(at, 0))).get(path.slice(at + 1));
    const head = this.#head();
    const root = head && this.#cell(head.readUInt32LE(36), headBytes);
    return root && isA(root, 'nk', 76) ? root : undefined;
  }

  #below(path: string): Cells {
    return this.#once(this.#keysOf, path, keyName, (key) => this.#children(key));
  }

  #valuesIn(path: string): Cells {
    return this.#once(this.#valuesOf, path, valueName, (key) => this.#valueCells(key));
  }

  #once(
    known: Map<string, Cells>,
    path: string,
    named: (cell: Buffer) => string,
    cells: (key: Buffer) => Iterable<Buffer>,
  ): Cells {
    const before = known.get(path);
    if (before) return before;
    const key = this.#key(path);
    const found = new Map<string, Buffer>();
    for (const cell of key ? cells(key) : []) {
      const name = named(cell).toLowerCase();
      if (!found.has(name)) found.set(name, cell);
    }
    known.set(path, found);
    return found;
  }

  *#children(key: Buffer): Generator<Buffer> {
    if (key.readUInt32LE(20) === 0) return;
    const lists = [key.readUInt32LE(28)];
    for (let i = 0, seen = 0; i < lists.length; i++) {
      const list = this.#cell(lists[i]!);
      if (!list || list.length < 4) continue;
      const kind = list.toString('latin1', 0, 2);
      const step = kind === 'lf' || kind === 'lh' ? 8 : kind === 'li' || kind === 'ri' ? 4 : 0;
      if (step === 0) continue;
      const count = Math.min(list.readUInt16LE(2), Math.floor((list.length - 4) / step));
      for (let j = 0; j < count && seen++ < maxKeys; j++) {
        const at = list.readUInt32LE(4 + step * j);
        if (kind === 'ri') {
          if (lists.length < maxLists) lists.push(at);
          continue;
        }
        const cell = this.#cell(at, headBytes);
        if (cell && isA(cell, 'nk', 76)) yield cell;
      }
    }
  }

  *#valueCells(key: Buffer): Generator<Buffer> {
    const list = this.#cell(key.readUInt32LE(40)) ?? Buffer.alloc(0);
    const count = Math.min(key.readUInt32LE(36), Math.floor(list.length / 4), maxValues);
    for (let i = 0; i < count; i++) {
      const cell = this.#cell(list.readUInt32LE(4 * i), headBytes);
      if (cell && isA(cell, 'vk', 20)) yield cell;
    }
  }

  #content(cell: Buffer): RegistryValue | undefined {
    const size = cell.readUInt32LE(4);
    const inline = (size & 0x80000000) !== 0;
    const data = inline ? cell.subarray(8, 12) : size === 0 ? Buffer.alloc(0) : this.#cell(cell.readUInt32LE(8));
    return data && { type: cell.readUInt32LE(12), data: data.subarray(0, inline ? size & 0x7fffffff : size) };
  }

  /** Cells lie behind the first page; each begins with its size, negative where it is in use. `most`: as much of it as is wanted. */
  #cell(offset: number, most = maxCell): Buffer | undefined {
    if (offset === 0xffffffff) return undefined;
    const head = this.#read(start + offset, 4);
    if (head.length < 4) return undefined;
    const size = Math.abs(head.readInt32LE(0));
    if (size <= 4 || size > maxCell) return undefined;
    const length = Math.min(size - 4, most);
    this.#left -= length + cellBytes;
    return this.#left >= 0 ? this.#read(start + offset + 4, length) : undefined;
  }
}

const isA = (cell: Buffer, kind: string, length: number) =>
  cell.length >= length && cell.toString('latin1', 0, 2) === kind;

const keyName = (cell: Buffer) => nameOf(cell, 72, 76, (cell.readUInt16LE(2) & 0x20) !== 0);
const valueName = (cell: Buffer) => nameOf(cell, 2, 20, (cell.readUInt16LE(16) & 1) !== 0);
const nameOf = (cell: Buffer, lengthAt: number, at: number, ascii: boolean) =>
  cell.toString(ascii ? 'latin1' : 'utf16le', at, at + cell.readUInt16LE(lengthAt));

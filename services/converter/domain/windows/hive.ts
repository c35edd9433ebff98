import type { Read } from '../read.ts';

const start = 4096;
const [maxKeys, maxValues, maxCell, maxLists] = [65_536, 4096, 1024 ** 2, 1024];
/** Of a key or a value that is looked at in passing: its head and its name. */
const headBytes = 1024;

/** A registry hive, read only, bounded. What makes no sense is not there. */
export class Hive {
  readonly #read: Read;

  constructor(read: Read) {
    this.#read = read;
  }

  /** A value of a key, as text or number; the key by its path, without case. */
  value(path: string, name: string): string | number | undefined {
    const head = this.#read(0, 64);
    if (head.length < 64 || head.toString('latin1', 0, 4) !== 'regf') return undefined;
    let key: Buffer | undefined = this.#cell(head.readUInt32LE(36));
    for (const part of path.split('\\')) key = key && this.#below(key, part.toLowerCase());
    return key && this.#valueIn(key, name.toLowerCase());
  }

  #below(key: Buffer, name: string): Buffer | undefined {
    if (!isA(key, 'nk', 76) || key.readUInt32LE(20) === 0) return undefined;
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
        if (cell && isA(cell, 'nk', 76) && nameOf(cell, 72, 76, (cell.readUInt16LE(2) & 0x20) !== 0) === name)
          return cell;
      }
    }
    return undefined;
  }

  #valueIn(key: Buffer, name: string): string | number | undefined {
    if (!isA(key, 'nk', 76)) return undefined;
    const list = this.#cell(key.readUInt32LE(40)) ?? Buffer.alloc(0);
    const count = Math.min(key.readUInt32LE(36), Math.floor(list.length / 4), maxValues);
    for (let i = 0; i < count; i++) {
      const cell = this.#cell(list.readUInt32LE(4 * i), headBytes);
      if (cell && isA(cell, 'vk', 20) && nameOf(cell, 2, 20, (cell.readUInt16LE(16) & 1) !== 0) === name)
        return this.#content(cell);
    }
    return undefined;
  }

  #content(cell: Buffer): string | number | undefined {
    const size = cell.readUInt32LE(4);
    const inline = (size & 0x80000000) !== 0;
    const data = inline ? cell.subarray(8, 12) : this.#cell(cell.readUInt32LE(8));
    const bytes = data?.subarray(0, inline ? size & 0x7fffffff : size);
    const type = cell.readUInt32LE(12);
    if (type === 4) return bytes && bytes.length >= 4 ? bytes.readUInt32LE(0) : undefined;
    return type === 1 || type === 2 ? bytes?.toString('utf16le').replace(/\0.*$/s, '') : undefined;
  }

  /** Cells lie behind the first page; each begins with its size, negative where it is in use. `most`: as much of it as is wanted. */
  #cell(offset: number, most = maxCell): Buffer | undefined {
    if (offset === 0xffffffff) return undefined;
    const head = this.#read(start + offset, 4);
    if (head.length < 4) return undefined;
    const size = Math.abs(head.readInt32LE(0));
    return size > 4 && size <= maxCell ? this.#read(start + offset + 4, Math.min(size - 4, most)) : undefined;
  }
}

const isA = (cell: Buffer, kind: string, length: number) =>
  cell.length >= length && cell.toString('latin1', 0, 2) === kind;

const nameOf = (cell: Buffer, lengthAt: number, at: number, ascii: boolean) =>
  cell.toString(ascii ? 'latin1' : 'utf16le', at, at + cell.readUInt16LE(lengthAt)).toLowerCase();

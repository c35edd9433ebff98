/** An entry of a cpio archive; `content` undefined: a folder. */
export interface CpioEntry {
  readonly path: string;
  readonly content?: Buffer;
}

const magic = '070701';
const headerSize = 110;
const trailer = 'TRAILER!!!';
const maxKept = 64 * 1024;
/** An initramfs has some thousand names of some sixty letters. */
const [maxNames, maxNameBytes] = [50_000, 4 * 1024 ** 2];
const padded = (length: number) => Math.ceil(length / 4) * 4;
const pad = (buffer: Buffer) => Buffer.concat([buffer], padded(buffer.length));

/** A cpio archive in the format `newc`, everything root's, folders 0755, files 0644, dated 0: the same input gives the same bytes. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts = [...entries, { path: trailer, content: Buffer.alloc(0) }].flatMap(({ path, content }, i) => {
    const end = path === trailer;
    const mode = end ? 0 : content ? 0o100644 : 0o40755;
    const name = Buffer.from(`${path}\0`);
    const fields = [end ? 0 : i + 1, mode, 0, 0, content ? 1 : 2, 0, content?.length ?? 0, 0, 0, 0, 0, name.length, 0];
    const header = magic + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
    return [pad(Buffer.concat([Buffer.from(header), name])), pad(content ?? Buffer.alloc(0))];
  });
  return Buffer.concat(parts);
}

/** All the folders above the paths, outermost first. */
export function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1);
    for (let i = 1; i <= parts.length; i++) folders.add(parts.slice(0, i).join('/'));
  }
  return [...folders];
}

/** Takes a cpio archive chunk by chunk and keeps its names, and the few small files asked for: an initramfs may be 500 MB. Throws when it is none. */
export class CpioIndex {
  readonly names: string[] = [];
  readonly kept = new Map<string, Buffer>();
  readonly #keep: (name: string) => boolean;
  #held: Buffer = Buffer.alloc(0);
  #skip = 0;
  #nameBytes = 0;
  #size = 0;
  #ended = false;

  constructor(keep: (name: string) => boolean = () => false) {
    this.#keep = keep;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    while (!this.#ended) {
      const skipped = Math.min(this.#skip, this.#held.length);
      this.#held = this.#held.subarray(skipped);
      this.#skip -= skipped;
      this.#size += skipped;
      if (this.#skip > 0 || this.#held.length < headerSize) return;
      const nameSize = this.#field(11);
      if (!/^07070[12]$/.test(this.#held.toString('latin1', 0, 6)) || !(nameSize > 0 && nameSize <= 4096))
        throw new Error('this is no cpio archive');
      const start = padded(headerSize + nameSize);
      if (this.#held.length < start) return;
      const name = this.#held.toString('utf8', headerSize, headerSize + nameSize - 1).replace(/^\.?\//, '');
      const size = this.#field(6);
      this.#nameBytes += nameSize;
      if (!Number.isSafeInteger(size) || this.names.length >= maxNames || this.#nameBytes > maxNameBytes)
        throw new Error('this is no cpio archive');
      if (size <= maxKept && this.#keep(name)) {
        if (this.#held.length < start + size) return;
        this.kept.set(name, Buffer.from(this.#held.subarray(start, start + size)));
      }
      this.#ended = name === trailer;
      if (this.#ended) this.#size += start;
      else this.names.push(name);
      this.#skip = start + padded(size);
    }
  }

  /** Whether the archive came to its end. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes from the archive's begin to its end, once it has ended. */
  get size(): number {
    return this.#size;
  }

  #field(index: number): number {
    return Number.parseInt(this.#held.toString('latin1', 6 + 8 * index, 14 + 8 * index), 16);
  }
}

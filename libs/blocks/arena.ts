// Node has it; its types say so only with those of a browser.
declare const WebAssembly: { Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } };

/** Memory of WebAssembly begins at a page, as direct I/O demands; a Buffer of Node does not. */
const wasmPage = 64 * 1024;
const unitBytes = wasmPage;
export const pageBytes = 4096;
const known = new WeakSet<ArrayBufferLike>();

/** Zeroed memory that begins at a page. */
export function pages(bytes: number): Buffer {
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(bytes / wasmPage) });
  known.add(buffer);
  return Buffer.from(buffer, 0, bytes);
}

export const isAligned = (data: Buffer): boolean => data.byteOffset % pageBytes === 0 && known.has(data.buffer);

/** A bounded piece of aligned memory, lent out in parts: who asks for more than is free waits, in turn. */
export class Arena {
  readonly #memory: Buffer;
  /** Of each unit: how many units are lent from here on as one; -1 within a part, 0 free. */
  readonly #units: Int32Array;
  readonly #waiting: { length: number; resolve: (data: Buffer) => void }[] = [];

  constructor(bytes: number) {
    this.#memory = pages(bytes);
    this.#units = new Int32Array(Math.floor(bytes / unitBytes));
  }

  take(length: number): Promise<Buffer> {
    if (length > this.#units.length * unitBytes) throw new Error(`${length} bytes are more than there are`);
    const data = this.#waiting.length === 0 ? this.#find(length) : undefined;
    if (data) return Promise.resolve(data);
    return new Promise((resolve) => this.#waiting.push({ length, resolve }));
  }

  release(data: Buffer): void {
    const first = data.byteOffset / unitBytes;
    this.#units.fill(0, first, first + this.#units[first]!);
    while (this.#waiting.length > 0) {
      const found = this.#find(this.#waiting[0]!.length);
      if (!found) return;
      this.#waiting.shift()!.resolve(found);
    }
  }

  /** First fit. */
  #find(length: number): Buffer | undefined {
    const want = Math.ceil(length / unitBytes);
    for (let at = 0, free = 0; at < this.#units.length; ) {
      const lent = this.#units[at]!;
      if (lent > 0) {
        at += lent;
        free = 0;
        continue;
      }
      at++;
      if (++free < want) continue;
      const first = at - want;
      this.#units.fill(-1, first, at);
      this.#units[first] = want;
      return this.#memory.subarray(first * unitBytes, first * unitBytes + length);
    }
    return undefined;
  }
}

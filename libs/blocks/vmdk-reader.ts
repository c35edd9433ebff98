import { TranshipError } from '@tranship/contracts';

export const broken = (what: string): TranshipError => new TranshipError('transfer.read', `the VMDK stream ${what}`);

/** Exact pieces of a stream that comes in chunks of any size; holds one chunk at a time. */
export class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** @throws TranshipError `transfer.read` where the stream ends before */
  async take(length: number): Promise<Buffer> {
    if (this.#rest.length >= length) return this.#cut(length);
    const found = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) at += (await this.#some(length - at)).copy(found, at);
    return found;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.#some(left)).length;
  }

  /** Ends the stream, at its end or before. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) throw broken(`ends in the middle, at ${this.#at}`);
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return this.#cut(Math.min(most, this.#rest.length));
  }

  #cut(length: number): Buffer {
    const cut = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#at += length;
    return cut;
  }
}

import type { Socket } from 'node:net';

/** A socket read by exact lengths; data goes into the caller's buffer without a copy between. */
export class ByteStream {
  readonly #iterator: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#iterator = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async take(length: number): Promise<Buffer> {
    if (this.#rest.length >= length) {
      const taken = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      return taken;
    }
    const buffer = Buffer.allocUnsafe(length);
    await this.fill(buffer);
    return buffer;
  }

  /** @throws Error when the other side ends first. */
  async fill(target: Buffer): Promise<void> {
    for (let at = 0; at < target.length; ) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#iterator.next();
        if (done) throw new Error('the server closed the connection');
        this.#rest = value;
      }
      const n = Math.min(this.#rest.length, target.length - at);
      this.#rest.copy(target, at, 0, n);
      this.#rest = this.#rest.subarray(n);
      at += n;
    }
  }
}

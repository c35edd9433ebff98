/**
 * A protocol written as a generator: it yields the buffers that it wants filled, in the order of the wire. `tls`: what
 * follows is encrypted.
 */
export type Steps<T> = Generator<Buffer | 'tls', T, void>;

/** A small buffer of exactly `length` bytes off the wire. */
export function* take(length: number): Steps<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  yield buffer;
  return buffer;
}

/** Drives a protocol: each byte goes straight to where it belongs, and never more is taken than is wanted. */
export class Feed {
  readonly #steps: Steps<void>;
  readonly #onTls: () => void;
  #target: Buffer = Buffer.alloc(0);
  #at = 0;
  #stopped = false;

  constructor(steps: Steps<void>, onTls: () => void) {
    this.#steps = steps;
    this.#onTls = onTls;
    this.#advance();
  }

  /** Where the next bytes belong. */
  room(): Buffer {
    return this.#at === 0 ? this.#target : this.#target.subarray(this.#at);
  }

  /** `length` bytes were put into {@link room}. @throws Error where they break the protocol */
  took(length: number): void {
    this.#at += length;
    if (this.#at === this.#target.length) this.#advance();
  }

  /** Bytes that lie elsewhere. */
  copy(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#stopped) throw new Error('bytes in the clear after the change to TLS');
      const length = chunk.copy(this.#target, this.#at, at);
      at += length;
      this.took(length);
    }
  }

  /** The encrypted part begins. */
  resume(): void {
    this.#stopped = false;
    this.#advance();
  }

  #advance(): void {
    do {
      const { value, done } = this.#steps.next();
      if (done) throw new Error('the protocol has ended');
      this.#at = 0;
      this.#stopped = value === 'tls';
      if (value !== 'tls') this.#target = value;
    } while (!this.#stopped && this.#target.length === 0);
    if (this.#stopped) this.#onTls();
  }
}

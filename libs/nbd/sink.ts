import { TranshipError } from '@tranship/contracts';
import { type ConnectOptions, NbdClient } from './client.ts';
import type { Extent } from './extents.ts';
import { transmission } from './protocol.ts';
import type { Address } from './wire.ts';

const zeros = Buffer.alloc(1024 * 1024);
const windowBytes = 64 * 1024 ** 3;

/** A disk behind an NBD server, as a target: at least as large as the disk that is copied there. */
export class NbdSink {
  readonly path: string;
  readonly isNew = false;
  readonly holdsData: boolean;
  /** What becomes of the server nobody here knows. */
  readonly outlivesUs = false;
  readonly #client: NbdClient;
  readonly #size: number;

  private constructor(client: NbdClient, path: string, size: number, holdsData: boolean) {
    this.#client = client;
    this.path = path;
    this.#size = size;
    this.holdsData = holdsData;
  }

  /** @throws TranshipError `transfer.open`, and `transfer.write` where the export is too small */
  static async connect(address: Address, sizeBytes: number, options: ConnectOptions = {}): Promise<NbdSink> {
    const client = await NbdClient.connect(address, { ...options, writes: true });
    const path = 'socket' in address ? `nbd ${address.socket}` : `nbd ${address.host}:${address.port}`;
    try {
      if (client.size < sizeBytes)
        throw new TranshipError('transfer.write', `${path} has ${client.size} bytes, the disk needs ${sizeBytes}`, {
          retry: false,
        });
      const first = await data(client, 0, sizeBytes).next();
      return new NbdSink(client, path, sizeBytes, !first.done);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Only what holds more than zeros is cleared. */
  async clearFrom(offset: number): Promise<boolean> {
    if (!this.#client.can(transmission.writeZeroes)) return false;
    for await (const each of data(this.#client, offset, this.#size))
      await this.#client.clear('writeZeroes', each.offset, each.length);
    return true;
  }

  read(offset: number, target: Buffer): Promise<void> {
    return this.#client.read(offset, target);
  }

  write(offset: number, data: Buffer): Promise<void> {
    return this.#client.write(offset, data);
  }

  async zero(offset: number, length: number): Promise<void> {
    if (this.#client.can(transmission.writeZeroes)) return this.#client.clear('writeZeroes', offset, length);
    for (let at = 0; at < length; at += zeros.length)
      await this.write(offset + at, zeros.subarray(0, Math.min(zeros.length, length - at)));
  }

  /** Gives a range up, whatever it reads as then; nothing where the server cannot. */
  async discard(offset: number, length: number): Promise<void> {
    if (this.#client.can(transmission.trim)) await this.#client.clear('trim', offset, length);
  }

  extents(offset: number, length: number): Promise<readonly Extent[]> {
    return this.#client.extents(offset, length);
  }

  async flush(): Promise<void> {
    if (this.#client.can(transmission.flush)) await this.#client.flush();
  }

  /** Whether the server reads its disk again is its own affair. */
  forget(): Promise<void> {
    return this.flush();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** What may hold more than zeros, from `from` up to `to`. */
async function* data(client: NbdClient, from: number, to: number): AsyncGenerator<Extent> {
  for (let at = from; at < to; at += windowBytes)
    for (const extent of await client.extents(at, Math.min(windowBytes, to - at))) if (!extent.zero) yield extent;
}

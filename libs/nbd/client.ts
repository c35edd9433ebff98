import { connect, type Socket } from 'node:net';
import { TranshipError } from '@tranship/contracts';
import { ByteStream } from './byte-stream.ts';
import { handshake } from './handshake.ts';
import { allocation, chunk, command, encodeRequest, errnoName, flagDone, magic } from './protocol.ts';

export interface Extent {
  readonly offset: number;
  readonly length: number;
  /** Known to read as zeros. */
  readonly zero: boolean;
}

export type Address = { readonly socket: string } | { readonly host: string; readonly port: number };

interface Pending {
  readonly offset: number;
  readonly data?: Buffer;
  readonly extents: Extent[];
  failure?: TranshipError;
  resolve(): void;
  reject(error: Error): void;
}

/** The protocol's bound for one block status. */
const maxStatus = 0xfffff000;

/**
 * One connection to an NBD server. Requests are answered out of order; any number may be in flight. When the server is
 * silent for `deadlineMs` with requests open, or goes, all of them fail.
 * @throws TranshipError `transfer.open` at connect, `transfer.read` later (both may be tried again)
 */
export class NbdClient {
  readonly size: number;
  readonly canExtents: boolean;
  readonly #socket: Socket;
  readonly #pending = new Map<bigint, Pending>();
  #next = 0n;
  #ended: TranshipError | undefined;

  private constructor(socket: Socket, size: number, canExtents: boolean) {
    this.#socket = socket;
    this.size = size;
    this.canExtents = canExtents;
  }

  static async connect(address: Address, { exportName = '', deadlineMs = 120_000 } = {}): Promise<NbdClient> {
    const socket = 'socket' in address ? connect(address.socket) : connect(address.port, address.host);
    socket.setNoDelay();
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error(`no answer within ${deadlineMs / 1000} s`)));
    // Its reader sees every failure; without a listener the process would end.
    socket.on('error', () => {});
    const stream = new ByteStream(socket);
    try {
      const { size, canExtents } = await handshake(socket, stream, exportName);
      const client = new NbdClient(socket, size, canExtents);
      // Silence is a failure only while something is asked.
      socket.removeAllListeners('timeout');
      socket.on('timeout', () => {
        if (client.#pending.size > 0) socket.destroy(new Error(`no answer within ${deadlineMs / 1000} s`));
      });
      void client.#receive(stream);
      return client;
    } catch (error) {
      socket.destroy();
      throw new TranshipError('transfer.open', (error as Error).message, { cause: error });
    }
  }

  /** Bytes of the window, in a buffer of its own. */
  async read(offset: number, length: number): Promise<Buffer> {
    const data = Buffer.allocUnsafe(length);
    await this.#send(command.read, offset, length, data);
    return data;
  }

  /** What is allocated in the window, in order, without gaps; a server that cannot tell says: all. */
  async extents(offset: number, length: number): Promise<Extent[]> {
    if (!this.canExtents) return [{ offset, length, zero: false }];
    const found: Extent[] = [];
    for (let at = offset; at < offset + length; ) {
      const want = Math.min(offset + length - at, maxStatus);
      const part = await this.#send(command.blockStatus, at, want);
      const covered = part.reduce((sum, each) => sum + each.length, 0);
      if (covered === 0) throw new TranshipError('nbd.protocol', 'an empty block status');
      found.push(...part);
      at += covered;
    }
    const last = found.at(-1)!;
    const over = last.offset + last.length - (offset + length);
    if (over > 0) found[found.length - 1] = { ...last, length: last.length - over };
    return found;
  }

  close(): void {
    if (this.#ended) return;
    this.#socket.write(encodeRequest({ kind: command.disconnect, handle: this.#next++, offset: 0, length: 0 }));
    this.#end(new Error('the connection was closed by us'));
    this.#socket.end();
    this.#socket.unref();
  }

  #send(kind: number, offset: number, length: number, data?: Buffer): Promise<Extent[]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const handle = this.#next++;
    return new Promise((resolve, reject) => {
      const extents: Extent[] = [];
      const pending = { offset, extents, resolve: () => resolve(extents), reject };
      this.#pending.set(handle, data ? { ...pending, data } : pending);
      this.#socket.write(encodeRequest({ kind, handle, offset, length }));
    });
  }

  async #receive(stream: ByteStream): Promise<void> {
    try {
      for (;;) {
        const head = await stream.take(20);
        if (head.readUInt32BE(0) !== magic.structuredReply) throw new Error('a reply that is not structured');
        const [flags, kind, handle, length] = [
          head.readUInt16BE(4),
          head.readUInt16BE(6),
          head.readBigUInt64BE(8),
          head.readUInt32BE(16),
        ];
        const pending = this.#pending.get(handle);
        if (!pending) throw new Error('a reply that nobody asked for');
        await this.#chunk(stream, pending, kind, length);
        if ((flags & flagDone) === 0) continue;
        this.#pending.delete(handle);
        if (pending.failure) pending.reject(pending.failure);
        else pending.resolve();
      }
    } catch (error) {
      this.#end(error as Error);
      this.#socket.destroy();
    }
  }

  async #chunk(stream: ByteStream, pending: Pending, kind: number, length: number): Promise<void> {
    if (kind === chunk.data && pending.data) {
      const at = Number((await stream.take(8)).readBigUInt64BE()) - pending.offset;
      await stream.fill(within(pending.data, at, length - 8));
      return;
    }
    const body = await stream.take(length);
    if (kind === chunk.hole && pending.data) {
      within(pending.data, Number(body.readBigUInt64BE()) - pending.offset, body.readUInt32BE(8)).fill(0);
    } else if (kind === chunk.blockStatus) {
      let offset = pending.offset;
      for (let at = 4; at + 8 <= body.length; at += 8) {
        const size = body.readUInt32BE(at);
        pending.extents.push({ offset, length: size, zero: (body.readUInt32BE(at + 4) & allocation.zero) !== 0 });
        offset += size;
      }
    } else if (kind >= chunk.error) {
      const message = body.subarray(6, 6 + body.readUInt16BE(4)).toString();
      pending.failure = new TranshipError('transfer.read', `${errnoName(body.readUInt32BE(0))} ${message}`.trim());
    } else if (kind !== chunk.none) {
      throw new Error(`a chunk of unknown kind ${kind}`);
    }
  }

  #end(cause: Error): void {
    this.#ended ??= new TranshipError('transfer.read', `the connection to the source was lost: ${cause.message}`, {
      cause,
    });
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}

function within(buffer: Buffer, at: number, length: number): Buffer {
  if (at < 0 || at + length > buffer.length) throw new Error('data outside of what was asked');
  return buffer.subarray(at, at + length);
}

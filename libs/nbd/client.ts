import { TranshipError } from '@tranship/contracts';
import { type Extent, Told } from './extents.ts';
import { type Export, handshake } from './handshake.ts';
import { command, encodeRequest, maxStatus, transmission } from './protocol.ts';
import { type Pending, replies } from './replies.ts';
import { type Address, type TlsOptions, Wire } from './wire.ts';

export interface ConnectOptions {
  readonly exportName?: string;
  /** For each answer. */
  readonly deadlineMs?: number;
  /** For the whole way to the first request. */
  readonly openMs?: number;
  readonly tls?: TlsOptions;
  /** To write as well: an export that is for reading only is refused. */
  readonly writes?: boolean;
}

/** What one window may take: a server that tells less at a time will not come to an end. */
const maxStatusReplies = 10_000;
/** Of a range that is cleared at once: servers are known to take their time. */
const maxClear = 1024 ** 3;

/**
 * One connection to an NBD server. Requests are answered out of order; any number may be in flight. A server that breaks
 * the protocol, goes, or leaves a request unanswered for `deadlineMs` ends the connection, and all that is open fails.
 * @throws TranshipError `transfer.open` at connect; later `transfer.read` (or `write`, of who writes) and `nbd.protocol` (all may be tried again)
 */
export class NbdClient {
  readonly #wire: Wire;
  readonly #export: Export;
  readonly #pending: Map<number, Pending>;
  readonly #timer: NodeJS.Timeout;
  /** Of a lost connection. */
  readonly #lost: 'transfer.read' | 'transfer.write';
  #next = 1;
  #ended: TranshipError | undefined;
  #drained: (() => void) | undefined;

  private constructor(wire: Wire, told: Export, pending: Map<number, Pending>, deadlineMs: number, writes: boolean) {
    this.#lost = writes ? 'transfer.write' : 'transfer.read';
    this.#wire = wire;
    this.#export = told;
    this.#pending = pending;
    this.#timer = setInterval(() => this.#late(deadlineMs), Math.max(20, deadlineMs / 8)).unref();
  }

  static async connect(address: Address, options: ConnectOptions = {}): Promise<NbdClient> {
    const { exportName = '', deadlineMs = 120_000, openMs = 30_000, tls, writes = false } = options;
    const pending = new Map<number, Pending>();
    const opened = Promise.withResolvers<Export>();
    let early: [Error, boolean] | undefined;
    let ended = (...how: [Error, boolean]) => {
      early = how;
      opened.reject(how[0]);
    };
    const session = function* (send: (data: Buffer) => void) {
      const told = yield* handshake(send, { exportName, tls: tls !== undefined });
      if (writes && told.flags & transmission.readOnly) throw new Error('the export can only be read');
      opened.resolve(told);
      yield* replies(pending, told.context, writes);
    };
    const wire = new Wire(address, tls, session, (...how) => ended(...how));
    const late = setTimeout(() => wire.destroy(new Error(`no connection within ${openMs / 1000} s`)), openMs);
    try {
      const client = new NbdClient(wire, await opened.promise, pending, deadlineMs, writes);
      ended = (...how) => client.#end(...how);
      if (early) ended(...early);
      return client;
    } catch (error) {
      wire.destroy();
      throw new TranshipError('transfer.open', (error as Error).message, { cause: error });
    } finally {
      clearTimeout(late);
    }
  }

  get size(): number {
    return this.#export.size;
  }

  /** Whether the server tells what is allocated. */
  get tells(): boolean {
    return this.#export.context !== undefined;
  }

  /** Whether the export can do this, of `transmission`. */
  can(flag: number): boolean {
    return (this.#export.flags & flag) !== 0;
  }

  /** Fills `target` with the bytes from `offset` on. */
  async read(offset: number, target: Buffer): Promise<void> {
    const { maxBytes } = this.#export;
    if (target.length <= maxBytes) {
      await this.#send(command.read, offset, target.length, { target });
      return;
    }
    const parts: Promise<unknown>[] = [];
    for (let at = 0; at < target.length; at += maxBytes) {
      const part = target.subarray(at, at + maxBytes);
      parts.push(this.#send(command.read, offset + at, part.length, { target: part }));
    }
    await all(parts);
  }

  /** The data must stay as it is until then. @throws TranshipError `transfer.write`, `target.full` */
  async write(offset: number, data: Buffer): Promise<void> {
    const { maxBytes } = this.#export;
    const parts: Promise<unknown>[] = [];
    for (let at = 0; at < data.length; at += maxBytes) {
      const part = data.subarray(at, at + maxBytes);
      parts.push(this.#send(command.write, offset + at, part.length, {}, part));
    }
    await all(parts);
  }

  /** Makes the range read as zeros: `writeZeroes`; or gives it up, whatever it reads as then: `trim`. */
  async clear(how: 'writeZeroes' | 'trim', offset: number, length: number): Promise<void> {
    for (let at = 0; at < length; at += maxClear)
      await this.#send(command[how], offset + at, Math.min(maxClear, length - at));
  }

  /** All that was written lasts. */
  async flush(): Promise<void> {
    await this.#send(command.flush, 0, 0);
  }

  /**
   * What is allocated in the window, in order, without gaps; zeros that lie between data may be called data where they are
   * short. A server that cannot tell says: all.
   */
  async extents(offset: number, length: number): Promise<readonly Extent[]> {
    if (this.#export.context === undefined) return [{ offset, length, zero: false }];
    const told = new Told(offset, length);
    const end = offset + length;
    for (let replies = 0; told.at < end; replies++) {
      if (replies >= maxStatusReplies) throw new TranshipError('nbd.protocol', 'extents in too small parts');
      await this.#send(command.blockStatus, told.at, Math.min(end - told.at, maxStatus), { told });
      told.round(this.#export.minBytes);
    }
    return told.extents;
  }

  /** Waits for what is open, then takes its leave: a server whose client just goes may end in the middle of an answer. */
  async close(): Promise<void> {
    if (!this.#ended && this.#pending.size > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
    }
    if (this.#ended) return;
    this.#wire.send(encodeRequest({ kind: command.disconnect, handle: this.#next++, offset: 0, length: 0 }));
    this.#end(new Error('the connection was closed by us'), false);
    await this.#wire.end();
  }

  #send(
    kind: number,
    offset: number,
    length: number,
    answer: Pick<Pending, 'target' | 'told'> = {},
    data?: Buffer,
  ): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { size, minBytes } = this.#export;
    const flush = kind === command.flush;
    const fits = length > 0 && offset + length <= size && offset % minBytes === 0 && length % minBytes === 0;
    if (!flush && !fits)
      return Promise.reject(
        new TranshipError(
          kind === command.read || kind === command.blockStatus ? 'transfer.read' : 'transfer.write',
          `${length} bytes at ${offset} cannot be asked of this server (${size} bytes, in blocks of ${minBytes})`,
          { retry: false },
        ),
      );
    const handle = this.#next++;
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (this.#pending.size === 0) this.#drained?.();
      };
      this.#pending.set(handle, {
        offset,
        length,
        at: performance.now(),
        kind,
        ...answer,
        parts: [],
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#wire.send(encodeRequest({ kind, handle, offset, length }));
      if (data) this.#wire.send(data);
    });
  }

  /** Requests are kept in the order of sending: the first is the oldest. */
  #late(deadlineMs: number): void {
    const oldest = this.#pending.values().next().value;
    if (oldest && performance.now() - oldest.at > deadlineMs)
      this.#wire.destroy(new Error(`no answer within ${deadlineMs / 1000} s`));
  }

  #end(cause: Error, broken: boolean): void {
    clearInterval(this.#timer);
    const detail = broken ? cause.message : `the connection to the NBD server was lost: ${cause.message}`;
    this.#ended ??= new TranshipError(broken ? 'nbd.protocol' : this.#lost, detail, { cause });
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of open) pending.reject(this.#ended);
  }
}

/** Waits for each, also after one has failed: until then its memory is not the caller's again. */
async function all(parts: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(parts)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
}

import { connect, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Feed, type Steps } from './feed.ts';

export type Address = { readonly socket: string } | { readonly host: string; readonly port: number };

export interface TlsOptions {
  /** The authority that the server's certificate must come from (PEM). */
  readonly ca: string;
  /** The name in the certificate, where it is not the host's. */
  readonly servername?: string;
}

/** Less than this is copied together. */
const joinedBytes = 32 * 1024;

/** A socket under a protocol. In the clear, the kernel copies each byte to where it belongs and nobody does again. */
export class Wire {
  #socket: Socket;
  #out: Buffer[] = [];
  readonly #closed: Promise<void>;

  /** `onEnd` is told once: `broken`, when the other side broke the protocol. */
  constructor(
    address: Address,
    tls: TlsOptions | undefined,
    session: (send: (data: Buffer) => void) => Steps<void>,
    onEnd: (error: Error, broken: boolean) => void,
  ) {
    const where = 'socket' in address ? { path: address.socket } : address;
    let told = false;
    const end = (error: Error, broken: boolean) => {
      if (!told) onEnd(error, broken);
      told = true;
      this.#socket.destroy();
    };
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (error) {
        end(error as Error, true);
      }
    };
    const listen = (socket: Socket) => {
      socket.on('error', (error) => end(error, false));
      return new Promise<void>((resolve) =>
        socket.once('close', () => {
          end(new Error('the server closed the connection'), false);
          resolve();
        }),
      );
    };
    const onTls = () => {
      const name = 'host' in address ? address.host : 'localhost';
      const plain = this.#socket;
      plain.removeAllListeners('data');
      const secure = connectTls({ socket: plain, ca: tls!.ca, servername: tls!.servername ?? name });
      this.#socket = secure;
      void listen(secure);
      secure.on('data', (chunk: Buffer) => guarded(() => feed.copy(chunk)));
      secure.once('secureConnect', () => guarded(() => feed.resume()));
    };
    const feed = new Feed(
      session((data) => this.send(data)),
      onTls,
    );
    const onread: OnReadOpts = {
      buffer: () => feed.room(),
      callback: (length) => {
        guarded(() => feed.took(length));
        return true;
      },
    };
    this.#socket = connect(tls ? where : { ...where, onread });
    this.#socket.setNoDelay();
    this.#closed = listen(this.#socket);
    if (tls) this.#socket.on('data', (chunk: Buffer) => guarded(() => feed.copy(chunk)));
  }

  /** What is sent in one turn goes out in one piece. */
  send(data: Buffer): void {
    if (this.#out.push(data) > 1) return;
    queueMicrotask(() => {
      const out = this.#out;
      this.#out = [];
      if (!this.#socket.writable) return;
      const bytes = out.reduce((sum, { length }) => sum + length, 0);
      if (bytes < joinedBytes) this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
      else {
        // Payloads go out from where they lie.
        this.#socket.cork();
        for (const each of out) this.#socket.write(each);
        this.#socket.uncork();
      }
    });
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }

  /** Says good-bye; waits a moment for the other side to do so. */
  async end(): Promise<void> {
    await Promise.resolve();
    this.#socket.end();
    const late = setTimeout(() => this.#socket.destroy(), 2_000);
    await this.#closed;
    clearTimeout(late);
  }
}

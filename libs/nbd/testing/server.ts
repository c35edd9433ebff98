import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, magic, option, optionReply } from '../protocol.ts';

export const u16 = (value: number) => number(2, value);
export const u32 = (value: number) => number(4, value);
export const u64 = (value: number | bigint) => number(8, value);
function number(bytes: 2 | 4 | 8, value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}

/** One reply to an option. */
export const optionAnswer = (kind: number, reply: number, data: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([u64(magic.optionReply), u32(kind), u32(reply), u32(data.length), data]);

/** One chunk of a structured reply; `length` may lie. */
export const chunkOf = (
  handle: Buffer,
  kind: number,
  body: Buffer,
  { done = true, length = body.length } = {},
): Buffer => Buffer.concat([u32(magic.structuredReply), u16(done ? 1 : 0), u16(kind), handle, u32(length), body]);

export interface Asked {
  readonly kind: number;
  readonly handle: Buffer;
  readonly offset: number;
  readonly length: number;
}

export interface Behaviour {
  hello?(socket: Socket): void;
  option?(socket: Socket, kind: number): void;
  request?(socket: Socket, asked: Asked): void;
}

export const exportSize = 64 * 1024 * 1024;

/** What an honest server says to an option; each may be said another way. */
export function honest(socket: Socket, kind: number, more: Buffer[] = [], size: number | bigint = exportSize): void {
  if (kind === option.setMetaContext)
    socket.write(optionAnswer(kind, optionReply.metaContext, Buffer.concat([u32(1), Buffer.from('base:allocation')])));
  if (kind === option.go) {
    socket.write(optionAnswer(kind, optionReply.info, Buffer.concat([u16(0), u64(size), u16(1)])));
    for (const each of more) socket.write(optionAnswer(kind, optionReply.info, each));
  }
  socket.write(optionAnswer(kind, optionReply.ack));
}

/** An NBD server that does what it is told, right or wrong. */
export class TestServer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'nbd-'));
  readonly socket = join(this.#dir, 'nbd');
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(behaviour: Behaviour) {
    this.#server = createServer((socket) => this.#serve(socket, behaviour));
  }

  static async start(behaviour: Behaviour): Promise<TestServer> {
    const server = new TestServer(behaviour);
    await new Promise<void>((done) => server.#server.listen(server.socket, done));
    return server;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #serve(socket: Socket, behaviour: Behaviour): void {
    this.sockets.push(socket);
    socket.on('error', () => {});
    if (behaviour.hello) behaviour.hello(socket);
    else socket.write(Buffer.concat([u64(magic.server), u64(magic.option), u16(3)]));
    let rest = Buffer.alloc(0);
    let [flags, transmission] = [false, false];
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      if (!flags && rest.length >= 4) [flags, rest] = [true, rest.subarray(4)];
      while (!transmission && rest.length >= 16 && rest.length >= 16 + rest.readUInt32BE(12)) {
        const kind = rest.readUInt32BE(8);
        rest = rest.subarray(16 + rest.readUInt32BE(12));
        transmission = kind === option.go;
        if (behaviour.option) behaviour.option(socket, kind);
        else honest(socket, kind);
      }
      while (transmission && rest.length >= 28) {
        const asked = { kind: rest.readUInt16BE(6), handle: Buffer.from(rest.subarray(8, 16)) };
        const [offset, length] = [Number(rest.readBigUInt64BE(16)), rest.readUInt32BE(24)];
        const whole = 28 + (asked.kind === command.write ? length : 0);
        if (rest.length < whole) break;
        rest = rest.subarray(whole);
        behaviour.request?.(socket, { ...asked, offset, length });
      }
    });
  }
}

import type { Socket } from 'node:net';
import type { ByteStream } from './byte-stream.ts';
import { encodeOption, goData, handshakeFlags, magic, metaContextData, option, optionReply } from './protocol.ts';

export interface Export {
  readonly size: number;
  /** Whether the server tells what is allocated. */
  readonly canExtents: boolean;
}

const maxReplies = 32;

/** Fixed newstyle: structured replies, the meta context base:allocation, then GO. */
export async function handshake(socket: Socket, stream: ByteStream, exportName: string): Promise<Export> {
  const hello = await stream.take(18);
  if (hello.readBigUInt64BE(0) !== magic.server || hello.readBigUInt64BE(8) !== magic.option)
    throw new Error('this is not an NBD server');
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(handshakeFlags);
  socket.write(flags);
  const structured = await ask(socket, stream, option.structuredReply, Buffer.alloc(0));
  if (!structured.ok) throw new Error('the server has no structured replies');
  const meta = await ask(socket, stream, option.setMetaContext, metaContextData(exportName, 'base:allocation'));
  const go = await ask(socket, stream, option.go, goData(exportName));
  if (!go.ok) throw new Error(`the server refuses the export${go.text ? `: ${go.text}` : ''}`);
  if (go.size === undefined) throw new Error('the server does not tell the size');
  return { size: go.size, canExtents: meta.ok && meta.contexts > 0 };
}

interface Answer {
  ok: boolean;
  text: string;
  contexts: number;
  size?: number;
}

async function ask(socket: Socket, stream: ByteStream, kind: number, data: Buffer): Promise<Answer> {
  socket.write(encodeOption(kind, data));
  const answer: Answer = { ok: false, text: '', contexts: 0 };
  for (let i = 0; i < maxReplies; i++) {
    const head = await stream.take(20);
    if (head.readBigUInt64BE(0) !== magic.optionReply) throw new Error('a bad reply in the handshake');
    const reply = head.readUInt32BE(12);
    const body = await stream.take(head.readUInt32BE(16));
    if (reply === optionReply.ack) return { ...answer, ok: true };
    if (reply >= 0x80000000) return { ...answer, text: body.toString() };
    if (reply === optionReply.metaContext) answer.contexts++;
    if (reply === optionReply.info && body.readUInt16BE(0) === 0) answer.size = Number(body.readBigUInt64BE(2));
  }
  throw new Error('the handshake does not end');
}

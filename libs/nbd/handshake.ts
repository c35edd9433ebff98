import { type Steps, take } from './feed.ts';
import {
  encodeOption,
  goData,
  handshakeFlags,
  info,
  magic,
  maxPayload,
  metaContextData,
  option,
  optionReply,
  readSafe64,
} from './protocol.ts';

export interface Export {
  readonly size: number;
  /** The number of our meta context, where the server tells what is allocated. */
  readonly context: number | undefined;
  /** Requests begin and end at multiples of it. */
  readonly minBytes: number;
  /** The longest read, and the longest write. */
  readonly maxBytes: number;
  /** Of `transmission`. */
  readonly flags: number;
}

interface Wish {
  readonly exportName: string;
  readonly tls: boolean;
}

/** A server that says more than this about one option, or longer, will not come to an end. */
const maxReplies = 32;
const maxReplyBytes = 16 * 1024;

/** Fixed newstyle: TLS where wished, structured replies, the meta context base:allocation, then GO. */
export function* handshake(send: (data: Buffer) => void, { exportName, tls }: Wish): Steps<Export> {
  const hello = yield* take(18);
  if (hello.readBigUInt64BE(0) !== magic.server || hello.readBigUInt64BE(8) !== magic.option)
    throw new Error('this is not an NBD server');
  if ((hello.readUInt16BE(16) & 1) === 0) throw new Error('the server speaks an NBD from before 2012');
  const ours = Buffer.alloc(4);
  ours.writeUInt32BE(handshakeFlags);
  send(ours);
  if (tls) {
    const answer = yield* ask(send, option.startTls, Buffer.alloc(0));
    if (!answer.ok) throw new Error(`the server has no TLS${said(answer)}`);
    yield 'tls';
  }
  const structured = yield* ask(send, option.structuredReply, Buffer.alloc(0));
  if (!structured.ok) throw new Error(`the server has no structured replies${said(structured)}`);
  const meta = yield* ask(send, option.setMetaContext, metaContextData(exportName, 'base:allocation'));
  const go = yield* ask(send, option.go, goData(exportName));
  if (!go.ok) throw new Error(`the server refuses the export${said(go)}`);
  const { size, minBytes, maxBytes, flags } = go;
  if (size === undefined) throw new Error('the server does not tell the size');
  if (!Number.isSafeInteger(size) || size === 0) throw new Error(`the server tells a size of ${size}`);
  if (minBytes > 65_536 || maxBytes < minBytes) throw new Error(`requests of ${minBytes} to ${maxBytes} bytes only`);
  const context = meta.ok ? meta.context : undefined;
  return { size, context, minBytes, maxBytes: Math.min(maxBytes, maxPayload), flags };
}

interface Answer {
  ok: boolean;
  text: string;
  context?: number;
  size?: number;
  minBytes: number;
  maxBytes: number;
  flags: number;
}

const said = ({ text }: Answer): string => (text ? `: ${text.slice(0, 400)}` : '');

function* ask(send: (data: Buffer) => void, kind: number, data: Buffer): Steps<Answer> {
  send(encodeOption(kind, data));
  const answer: Answer = { ok: false, text: '', minBytes: 1, maxBytes: maxPayload, flags: 0 };
  for (let i = 0; i < maxReplies; i++) {
    const head = yield* take(20);
    if (head.readBigUInt64BE(0) !== magic.optionReply || head.readUInt32BE(8) !== kind)
      throw new Error('a bad reply in the handshake');
    const [reply, length] = [head.readUInt32BE(12), head.readUInt32BE(16)];
    if (length > maxReplyBytes) throw new Error(`a reply of ${length} bytes in the handshake`);
    const body = yield* take(length);
    if (reply === optionReply.ack) return { ...answer, ok: true };
    if (reply >= 0x80000000) return { ...answer, text: body.toString() };
    if (reply === optionReply.metaContext && length >= 4) answer.context = body.readUInt32BE(0);
    if (reply === optionReply.info && length >= 2) tell(answer, body);
  }
  throw new Error('the handshake does not end');
}

function tell(answer: Answer, body: Buffer): void {
  const kind = body.readUInt16BE(0);
  if (kind === info.export && body.length >= 12) {
    answer.size = readSafe64(body, 2);
    answer.flags = body.readUInt16BE(10);
  }
  if (kind !== info.blockSize || body.length < 14) return;
  answer.minBytes = Math.max(1, body.readUInt32BE(2));
  answer.maxBytes = body.readUInt32BE(10);
}

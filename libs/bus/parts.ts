import { createHash } from 'node:crypto';
import { Empty, headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { mostBytes, partBytes, TranshipError } from '@tranship/contracts';
import type { Connection } from './connection.ts';

/**
 * What is larger than one message comes in parts, each asked for or confirmed before the next is sent: NATS never holds more than
 * one of them for an asker. Beside the first stands how many there are, and the SHA-256 of the whole.
 */
const partsHeader = 'Tranship-Parts';

type Wire = Pick<Connection, 'nc' | 'inbox'>;

interface Marks {
  readonly count: number;
  readonly digest: string;
}

/** One question and its whole answer, both of any size up to the bound, within `ms`. */
export async function ask({ nc }: Wire, subject: string, text: string, ms: number, carried?: MsgHdrs) {
  const late = performance.now() + ms;
  const send = (to: string, data: Uint8Array | string, marked?: MsgHdrs) =>
    nc.request(to, data, { timeout: Math.max(1, late - performance.now()), ...(marked ? { headers: marked } : {}) });
  const parts = cut(text);
  const small = parts.length === 1;
  let answer = await send(subject, small ? text : Empty, small ? carried : mark(parts, carried));
  // The one that took it says where the parts go: its group may have others.
  const taker = answer.reply;
  if (!small && taker) for (const part of parts) answer = await send(taker, part);
  const { count, digest } = marksOf(answer) ?? { count: 1 };
  const whole = [answer.data];
  for (let i = 1; i < count; i++) whole.push((await send(answer.reply!, String(i))).data);
  return join(whole, digest);
}

/** The whole question, and the message that is to be answered. */
export async function taken(wire: Wire, first: Msg, ms: number): Promise<{ text: string; message: Msg }> {
  const marks = marksOf(first);
  if (!marks) return { text: first.string(), message: first };
  const whole: Uint8Array[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Msg>();
  const inbox = open(wire, marks.count, ms, (part) => {
    whole.push(part.data);
    if (whole.length < marks.count) part.respond();
    else resolve(part);
  });
  first.respond(Empty, { reply: inbox });
  const late = setTimeout(() => reject(incomplete()), ms);
  const message = await promise.finally(() => clearTimeout(late));
  return { text: join(whole, marks.digest), message };
}

/** Answers; what is not in the first message is kept until it was fetched, for `ms` at most. @throws TranshipError `service.too-large` */
export function respond(wire: Wire, message: Msg, text: string, ms: number): void {
  const parts = cut(text);
  if (parts.length === 1) return void message.respond(text);
  const inbox = open(wire, parts.length - 1, ms, (asked) => {
    const part = parts[Number(asked.string())];
    if (part) asked.respond(part);
  });
  message.respond(parts[0], { headers: mark(parts), reply: inbox });
}

/** An inbox of so many messages, for so long. */
function open({ nc, inbox: fresh }: Wire, max: number, ms: number, take: (message: Msg) => void): string {
  const inbox = fresh();
  const callback = (error: Error | null, message: Msg) => {
    if (!error) take(message);
  };
  const subscription = nc.subscribe(inbox, { max, callback });
  const late = setTimeout(() => subscription.unsubscribe(), ms);
  void subscription.closed.finally(() => clearTimeout(late));
  return inbox;
}

function cut(text: string): Uint8Array[] {
  const bytes = Buffer.from(text);
  if (bytes.length > mostBytes)
    throw new TranshipError('service.too-large', `${bytes.length} bytes, of ${mostBytes} at most`);
  const count = Math.max(1, Math.ceil(bytes.length / partBytes));
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * partBytes, (i + 1) * partBytes));
}

function mark(parts: readonly Uint8Array[], marked: MsgHdrs = headers()): MsgHdrs {
  marked.set(partsHeader, `${parts.length} ${digestOf(parts)}`);
  return marked;
}

function marksOf(message: Msg): Marks | undefined {
  const [count, digest] = message.headers?.get(partsHeader).split(' ') ?? [];
  if (!count || digest === undefined) return undefined;
  if (Number(count) * partBytes > mostBytes) throw incomplete();
  return { count: Number(count), digest };
}

function join(parts: readonly Uint8Array[], digest: string | undefined): string {
  if (digest !== undefined && digestOf(parts) !== digest) throw incomplete();
  return Buffer.concat(parts).toString();
}

const incomplete = () => new TranshipError('service.unavailable', 'a message did not come whole');

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

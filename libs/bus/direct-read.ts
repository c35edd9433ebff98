import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { TranshipError } from '@tranship/contracts';
import { apiTimeoutMs } from './connection.ts';
import { call } from './errors.ts';

interface Read {
  readonly seq: number;
  readonly subject: string;
  readonly text: string;
}

/** Messages that one request asks for; the server may send fewer and says how many are left. */
const batch = 500;
const notFound = 404;
const endOfBatch = 204;

/** All messages of one subject, in order, by the stream's direct access: one round trip for each batch, and no consumer. */
export async function* readDirect(nc: NatsConnection, stream: string, subject: string): AsyncGenerator<Read> {
  for (let seq = 1; ; ) {
    const request = JSON.stringify({ seq, next_by_subj: subject, batch });
    const what = `read ${subject}`;
    const replies = await call(
      what,
      nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, request, { strategy: 'sentinel', maxWait: apiTimeoutMs }),
    );
    let left: number | undefined;
    for await (const message of replies) {
      const code = message.headers?.code ?? 0;
      if (code === notFound) return;
      if (code === endOfBatch) left = number(message, 'Nats-Num-Pending');
      else if (code !== 0) throw new TranshipError('service.unavailable', `${what}: ${message.headers?.description}`);
      else {
        const read = { seq: number(message, 'Nats-Sequence'), subject: message.headers!.last('Nats-Subject') };
        yield { ...read, text: message.string() };
        seq = read.seq + 1;
      }
    }
    // The deadline ends the replies without an error of its own.
    if (left === undefined) throw new TranshipError('service.unavailable', `NATS does not answer: ${what}`);
    if (left === 0) return;
  }
}

const number = (message: Msg, header: string): number => Number(message.headers?.last(header) ?? 0);

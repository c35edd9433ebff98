import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import {
  type Answer,
  answerSchema,
  type QueryInput,
  type QueryName,
  type QueryParsed,
  type QueryResult,
  queries,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { isNoResponders } from './errors.ts';
import { ask, respond, taken } from './parts.ts';

const traceHeader = 'traceparent';

export async function query<K extends QueryName>(
  connection: Connection,
  name: K,
  input: QueryInput<K>,
): Promise<QueryResult<K>> {
  const { service, deadlineMs, result } = queries[name];
  return connection.span({ name: `query ${name}`, kind: 'client' }, async ({ traceparent }) => {
    const subject = subjects.query(service, name);
    const asked = ask(connection, subject, JSON.stringify(input), deadlineMs, carrying(traceparent));
    const text = await asked.catch((cause: unknown) => {
      if (cause instanceof TranshipError) throw cause;
      const how = isNoResponders(cause) ? 'is not running' : `did not answer ${name} in ${deadlineMs / 1000} s`;
      throw new TranshipError('service.unavailable', `${service} ${how}`, { cause });
    });
    const answer = answerSchema.parse(JSON.parse(text));
    if (!answer.ok) throw TranshipError.fromProblem(answer.error);
    return result.parse(answer.data) as QueryResult<K>;
  });
}

export function serve<K extends QueryName>(
  connection: Connection,
  name: K,
  handler: (input: QueryParsed<K>) => Promise<QueryResult<K>>,
  signal: AbortSignal,
): void {
  const { service, input, deadlineMs } = queries[name];
  const answered = async (asked: unknown): Promise<Answer> => {
    const parsed = input.safeParse(asked);
    if (!parsed.success) throw new TranshipError('document.invalid', `${name}: ${parsed.error.issues[0]?.message}`);
    return { ok: true, data: await handler(parsed.data as QueryParsed<K>) };
  };
  const handle = async (first: Msg) => {
    let message = first;
    const work = async () => {
      const whole = await taken(connection, first, deadlineMs);
      message = whole.message;
      return answered(JSON.parse(whole.text));
    };
    const parent = first.headers?.get(traceHeader);
    const answer = await connection
      .span({ name: `query ${name}`, kind: 'server', parent }, work)
      .catch((reason: unknown): Answer => ({ ok: false, error: TranshipError.from(reason).toProblem() }));
    send(connection, message, answer, deadlineMs);
  };
  const subscription = connection.nc.subscribe(subjects.query(service, name), {
    queue: service,
    callback: (error, message) => {
      if (!error) void handle(message);
    },
  });
  signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
}

/** A query has no envelope: its trace goes on in a header. */
function carrying(traceparent: string | undefined): MsgHdrs | undefined {
  if (traceparent === undefined) return undefined;
  const carried = headers();
  carried.set(traceHeader, traceparent);
  return carried;
}

/** An answer that cannot be sent (too large, most likely) is an error that can. */
function send(connection: Connection, message: Msg, answer: Answer, ms: number): void {
  try {
    respond(connection, message, JSON.stringify(answer), ms);
  } catch (reason) {
    // A text that is longer than a string can be is larger than any bound of ours.
    const error =
      reason instanceof RangeError
        ? new TranshipError('service.too-large', reason.message)
        : TranshipError.from(reason);
    try {
      message.respond(JSON.stringify({ ok: false, error: error.toProblem() } satisfies Answer));
    } catch {
      // The connection is closed: the asker's deadline tells.
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import {
  type Answer,
  answerSchema,
  type DeadLetter,
  type Progress,
  type QueryInput,
  type QueryName,
  type QueryParsed,
  type QueryResult,
  queries,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { CommandQueue } from './command-queue.ts';
import { type BusOptions, type Connection, openConnection } from './connection.ts';
import { call, isNoResponders } from './errors.ts';
import { EventLog } from './event-log.ts';
import { Leases } from './lease.ts';
import { Limits } from './limits.ts';
import { Objects } from './objects.ts';
import { Outcomes } from './outcomes.ts';
import { ensureStreams } from './streams.ts';
import { Workbenches } from './workbenches.ts';

/** What a drain may take before the connection is just closed. */
const drainMs = 5_000;
const traceHeader = 'traceparent';

/** Everything that goes over NATS, behind one door. */
export class Bus {
  readonly events: EventLog;
  readonly commands: CommandQueue;
  readonly objects: Objects;
  readonly outcomes: Outcomes;
  readonly leases: Leases;
  readonly limits: Limits;
  readonly workbenches: Workbenches;
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.events = new EventLog(connection);
    this.commands = new CommandQueue(connection);
    this.objects = new Objects(connection);
    this.outcomes = new Outcomes(connection);
    this.leases = new Leases(connection);
    this.limits = new Limits(connection);
    this.workbenches = new Workbenches(connection);
  }

  static async open(options: BusOptions): Promise<Bus> {
    const connection = await openConnection(options);
    try {
      if (options.makeStreams ?? true)
        await call('make the streams', ensureStreams(connection.jsm, options.replicas ?? 1));
    } catch (error) {
      await connection.nc.close();
      throw error;
    }
    return new Bus(connection);
  }

  /** False while the server is away; we connect again by ourselves. */
  get connected(): boolean {
    return this.#connection.up();
  }

  /** Asks the service that owns the answer. @throws TranshipError: the service's own, or `service.unavailable`. */
  async query<K extends QueryName>(name: K, input: QueryInput<K>): Promise<QueryResult<K>> {
    const { service, deadlineMs, result } = queries[name];
    const { nc, span } = this.#connection;
    return span({ name: `query ${name}`, kind: 'client' }, async ({ traceparent }) => {
      const options = { timeout: deadlineMs, ...carrying(traceparent) };
      const asked = nc.request(subjects.query(service, name), JSON.stringify(input), options);
      const message = await asked.catch((cause: unknown) => {
        const how = isNoResponders(cause) ? 'is not running' : `did not answer ${name} in ${deadlineMs / 1000} s`;
        throw new TranshipError('service.unavailable', `${service} ${how}`, { cause });
      });
      const answer = answerSchema.parse(message.json());
      if (!answer.ok) throw TranshipError.fromProblem(answer.error);
      return result.parse(answer.data) as QueryResult<K>;
    });
  }

  /** Answers a query, in a queue group with the other replicas, until `signal` aborts. */
  serve<K extends QueryName>(
    name: K,
    handler: (input: QueryParsed<K>) => Promise<QueryResult<K>>,
    signal: AbortSignal,
  ): void {
    const { service, input } = queries[name];
    const subscription = this.#connection.nc.subscribe(subjects.query(service, name), {
      queue: service,
      callback: (error, message) => {
        if (error) return;
        const work = async (): Promise<Answer> => {
          const parsed = input.safeParse(message.json());
          if (!parsed.success)
            throw new TranshipError('document.invalid', `${name}: ${parsed.error.issues[0]?.message}`);
          return { ok: true, data: await handler(parsed.data as QueryParsed<K>) };
        };
        const parent = message.headers?.get(traceHeader);
        this.#connection
          .span({ name: `query ${name}`, kind: 'server', parent }, work)
          .catch((reason: unknown): Answer => ({ ok: false, error: TranshipError.from(reason).toProblem() }))
          .then((answer) => respond(message, answer));
      },
    });
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  }

  /** Returns when the server has what was sent to it, subscriptions too. */
  async settled(): Promise<void> {
    await call('reach the server', this.#connection.nc.flush());
  }

  /** Lossy by design: a lost value is followed by the next. */
  progress(value: Progress): void {
    if (!this.#connection.up() || this.#connection.nc.isDraining()) return;
    this.#connection.nc.publish(
      subjects.progress(value.migration, value.vm, String(value.disk)),
      JSON.stringify(value),
    );
  }

  /** Hands progress values on as they come, until `signal` aborts. */
  onProgress(filter: string, handler: (value: Progress) => void, signal: AbortSignal): void {
    const subscription = this.#connection.nc.subscribe(filter, {
      callback: (error, message) => {
        if (!error) handler(message.json<Progress>());
      },
    });
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  }

  /** Keeps a command that was given up, with the reason. */
  async bury(subject: string, message: string, error: unknown): Promise<void> {
    const problem = TranshipError.from(error).toProblem();
    const grave = subject.replace('.cmd.', '.dead.');
    await call(
      `bury ${subject}`,
      this.#connection.js.publish(grave, JSON.stringify({ message, problem } satisfies DeadLetter)),
    );
  }

  async close(): Promise<void> {
    const { nc } = this.#connection;
    // A drain needs the server: when that is away it would wait for ever.
    const drained = nc.drain().catch(() => {});
    await Promise.race([drained, sleep(this.connected ? drainMs : 0, undefined, { ref: false })]);
    await nc.close();
  }
}

/** A query has no envelope: its trace goes on in a header. */
function carrying(traceparent: string | undefined): { headers?: MsgHdrs } {
  if (traceparent === undefined) return {};
  const carried = headers();
  carried.set(traceHeader, traceparent);
  return { headers: carried };
}

/** An answer that cannot be sent (too large, most likely) is an error that can. */
function respond(message: Msg, answer: Answer): void {
  try {
    message.respond(JSON.stringify(answer));
  } catch (error) {
    const detail = `the answer cannot be sent: ${error instanceof Error ? error.message : String(error)}`;
    const problem = new TranshipError('service.internal', detail, { retry: false }).toProblem();
    try {
      message.respond(JSON.stringify({ ok: false, error: problem } satisfies Answer));
    } catch {
      // The connection is closed: the asker's deadline tells.
    }
  }
}

import { RequestError, TimeoutError } from '@nats-io/transport-node';
import {
  type Problem,
  type Progress,
  type QueryInput,
  type QueryName,
  type QueryParsed,
  type QueryResult,
  queries,
  streams,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { CommandQueue } from './command-queue.ts';
import { type BusOptions, type Connection, openConnection } from './connection.ts';
import { EventLog } from './event-log.ts';
import { ensureStreams } from './streams.ts';

type Answer = { ok: true; data: unknown } | { ok: false; error: Problem };

/** Everything that goes over NATS, behind one door. */
export class Bus {
  readonly events: EventLog;
  readonly commands: CommandQueue;
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.events = new EventLog(connection);
    this.commands = new CommandQueue(connection);
  }

  static async open(options: BusOptions): Promise<Bus> {
    const connection = await openConnection(options);
    await ensureStreams(connection.jsm);
    return new Bus(connection);
  }

  get connected(): boolean {
    return !this.#connection.nc.isClosed();
  }

  /** Asks the service that owns the answer. @throws TranshipError: the service's own, or `service.unavailable`. */
  async query<K extends QueryName>(name: K, input: QueryInput<K>): Promise<QueryResult<K>> {
    const { service, deadlineMs, result } = queries[name];
    try {
      const message = await this.#connection.nc.request(subjects.query(service, name), JSON.stringify(input), {
        timeout: deadlineMs,
      });
      const answer = message.json<Answer>();
      if (!answer.ok) throw TranshipError.fromProblem(answer.error);
      return result.parse(answer.data) as QueryResult<K>;
    } catch (error) {
      if (error instanceof RequestError || error instanceof TimeoutError) {
        throw new TranshipError('service.unavailable', `${service} did not answer ${name} in ${deadlineMs / 1000} s`, {
          cause: error,
        });
      }
      throw error;
    }
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
        work()
          .catch((reason: unknown): Answer => ({ ok: false, error: TranshipError.from(reason).toProblem() }))
          .then((answer) => message.respond(JSON.stringify(answer)));
      },
    });
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  }

  /** Lossy by design: a lost value is followed by the next. */
  progress(value: Progress): void {
    if (this.#connection.nc.isClosed()) return;
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
    await this.#connection.js.publish(subject.replace('.cmd.', '.dead.'), JSON.stringify({ message, problem }));
  }

  /** Removes a consumer of the command stream that has no more work; absent is fine. */
  async forgetConsumer(durable: string): Promise<void> {
    await this.#connection.jsm.consumers.delete(streams.commands, durable).catch(() => false);
  }

  async close(): Promise<void> {
    await this.#connection.nc.drain();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DeadLetter,
  type Progress,
  type QueryInput,
  type QueryName,
  type QueryParsed,
  type QueryResult,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { CommandQueue } from './command-queue.ts';
import { type BusOptions, type Connection, openConnection } from './connection.ts';
import { call } from './errors.ts';
import { EventLog } from './event-log.ts';
import { Leases } from './lease.ts';
import { Limits } from './limits.ts';
import { Objects } from './objects.ts';
import { Outcomes } from './outcomes.ts';
import { query, serve } from './queries.ts';
import { ensureStreams } from './streams.ts';
import { Workbenches } from './workbenches.ts';

/** What a drain may take before the connection is just closed. */
const drainMs = 5_000;

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
  query<K extends QueryName>(name: K, input: QueryInput<K>): Promise<QueryResult<K>> {
    return query(this.#connection, name, input);
  }

  /** Answers a query, in a queue group with the other replicas, until `signal` aborts. */
  serve<K extends QueryName>(
    name: K,
    handler: (input: QueryParsed<K>) => Promise<QueryResult<K>>,
    signal: AbortSignal,
  ): void {
    serve(this.#connection, name, handler, signal);
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

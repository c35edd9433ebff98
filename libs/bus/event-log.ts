import { DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import {
  events as declared,
  type Envelope,
  type EventData,
  type EventType,
  envelope,
  streams,
} from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { readDirect } from './direct-read.ts';
import { BusConflict, call, isWrongLastSequence } from './errors.ts';

/** An event as the log holds it; `seq` is its place in the whole log. */
export interface StoredEvent<K extends EventType = EventType> {
  readonly seq: number;
  readonly subject: string;
  readonly time: string;
  readonly type: K;
  readonly data: EventData<K>;
  /** The trace in which it was appended. */
  readonly traceparent?: string;
}

export interface NewEvent<K extends EventType = EventType> {
  readonly type: K;
  readonly data: EventData<K>;
}

export interface AppendContext {
  source: string;
  time: Date;
  traceparent?: string | undefined;
}

/** A follower asks again this often: also the longest that it stands still after the server was away. */
const pullMs = 5_000;
const heartbeatMs = 1_000;
/** Events that a follower holds in memory before its handler takes them. */
const ahead = 500;

/** Aggregates that are read at once: the others wait, for what the server has ready for a reader is bounded. */
const readers = 16;

/** The truth: one subject per aggregate, appended with the expected last sequence of that subject. */
export class EventLog {
  readonly #connection: Connection;
  readonly #waiting: (() => void)[] = [];
  #reading = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Appends events to one aggregate and gives the sequence of the last.
   * @throws BusConflict when the subject's last sequence is not `expected` (0: no event yet).
   * @throws TranshipError `service.unavailable`: whether it was appended is not known; the next try's conflict tells.
   */
  async append(
    subject: string,
    events: readonly NewEvent[],
    expected: number,
    context: AppendContext,
  ): Promise<number> {
    const name = `append ${events.map(({ type }) => type).join(', ')}`;
    const attributes = { 'messaging.destination.name': subject };
    return this.#connection.span(
      { name, kind: 'producer', parent: context.traceparent, attributes },
      ({ traceparent }) => this.#append(subject, events, expected, { ...context, traceparent }),
    );
  }

  async #append(subject: string, events: readonly NewEvent[], expected: number, context: AppendContext) {
    let last = expected;
    for (const { type, data } of events) {
      const id = `${subject}/${last}/${type}`;
      const body = envelope({ id, type, subject, data: declared[type].data.parse(data), ...context });
      // No Nats-Msg-Id: of two that race for the same place, the second must hear of it, not be taken for a repetition.
      const options = { expect: { lastSubjectSequence: last } };
      try {
        const ack = await call(
          `append to ${subject}`,
          this.#connection.js.publish(subject, JSON.stringify(body), options),
        );
        last = ack.seq;
      } catch (error) {
        if (isWrongLastSequence(error)) throw new BusConflict(`${subject} is past ${last}`);
        throw error;
      }
    }
    return last;
  }

  /** All events of one aggregate, in order, and the sequence of the last (0 when there is none). */
  async readSubject(subject: string): Promise<{ events: StoredEvent[]; seq: number }> {
    const events: StoredEvent[] = [];
    if (this.#reading === readers) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#reading++;
    try {
      for await (const { seq, subject: of, text } of readDirect(this.#connection.nc, streams.events, subject))
        events.push(parse(seq, of, text));
    } finally {
      // The place is handed on.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#reading--;
    }
    return { events, seq: events.at(-1)?.seq ?? 0 };
  }

  /** The sequence of the newest event of all. */
  async lastSequence(): Promise<number> {
    const info = await call('ask for the last event', this.#connection.jsm.streams.info(streams.events));
    return info.state.last_seq;
  }

  /**
   * Hands every event from `fromSeq` on to `handler`, in order, for ever; the server may go away and come back meanwhile.
   * `caughtUp` is called once when the past is read. Ends when `signal` aborts; throws when the handler throws.
   */
  async follow(
    filter: string,
    fromSeq: number,
    handler: (event: StoredEvent) => void | Promise<void>,
    signal: AbortSignal,
    caughtUp: () => void = () => {},
  ): Promise<void> {
    const consumer = await call(
      `follow ${filter}`,
      this.#connection.js.consumers.get(streams.events, {
        filter_subjects: filter,
        deliver_policy: fromSeq > 1 ? DeliverPolicy.StartSequence : DeliverPolicy.All,
        ...(fromSeq > 1 ? { opt_start_seq: fromSeq } : {}),
        replay_policy: ReplayPolicy.Instant,
      }),
    );
    let told = (await consumer.info(true)).num_pending === 0;
    if (told) caughtUp();
    const messages = await consumer.consume({ max_messages: ahead, expires: pullMs, idle_heartbeat: heartbeatMs });
    const stop = () => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    // `caughtUp` may have aborted it already.
    if (signal.aborted) stop();
    try {
      for await (const message of messages) {
        if (signal.aborted) return;
        await handler(parse(message.seq, message.subject, message.string()));
        if (!told && message.info.pending === 0) {
          told = true;
          caughtUp();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      messages.stop();
      void consumer.delete().catch(() => {});
    }
  }
}

/** An old log still folds: unknown types and fields pass through, the fold passes over what it does not know. */
function parse(seq: number, subject: string, text: string): StoredEvent {
  const body = JSON.parse(text) as Envelope<never> & { type: EventType };
  const { time, type, data, traceparent } = body;
  return { seq, subject, time, type, data, ...(traceparent === undefined ? {} : { traceparent }) };
}

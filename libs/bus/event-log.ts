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
import { BusConflict, isWrongLastSequence } from './errors.ts';

/** An event as the log holds it; `seq` is its place in the whole log. */
export interface StoredEvent<K extends EventType = EventType> {
  readonly seq: number;
  readonly subject: string;
  readonly time: string;
  readonly type: K;
  readonly data: EventData<K>;
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

/** The truth: one subject per aggregate, appended with the expected last sequence of that subject. */
export class EventLog {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Appends events to one aggregate and gives the sequence of the last.
   * @throws BusConflict when the subject's last sequence is not `expected` (0: no event yet).
   */
  async append(
    subject: string,
    events: readonly NewEvent[],
    expected: number,
    context: AppendContext,
  ): Promise<number> {
    let last = expected;
    for (const { type, data } of events) {
      const id = `${subject}/${last}/${type}`;
      const body = envelope({ id, type, subject, data: declared[type].data.parse(data), ...context });
      try {
        const ack = await this.#connection.js.publish(subject, JSON.stringify(body), {
          expect: { lastSubjectSequence: last },
        });
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
    let seq = 0;
    for (;;) {
      const batch = await this.#connection.jsm.direct.getBatch(streams.events, {
        seq: seq + 1,
        next_by_subj: subject,
        batch: 500,
      });
      let got = 0;
      try {
        for await (const message of batch) {
          events.push(parse(message.seq, message.subject, message.string()));
          seq = message.seq;
          got += 1;
        }
      } catch (error) {
        if (!(error instanceof Error && /404|no messages|not found/i.test(error.message))) throw error;
      }
      if (got < 500) return { events, seq };
    }
  }

  /**
   * Hands every event from `fromSeq` on to `handler`, in order, for ever. `caughtUp` is called once when the past is read.
   * Ends when `signal` aborts; throws when the handler throws.
   */
  async follow(
    filter: string,
    fromSeq: number,
    handler: (event: StoredEvent) => void | Promise<void>,
    signal: AbortSignal,
    caughtUp: () => void = () => {},
  ): Promise<void> {
    const consumer = await this.#connection.js.consumers.get(streams.events, {
      filter_subjects: filter,
      deliver_policy: fromSeq > 1 ? DeliverPolicy.StartSequence : DeliverPolicy.All,
      ...(fromSeq > 1 ? { opt_start_seq: fromSeq } : {}),
      replay_policy: ReplayPolicy.Instant,
    });
    const { num_pending: pending } = await consumer.info();
    if (pending === 0) caughtUp();
    const messages = await consumer.consume({ max_messages: 500 });
    const stop = () => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      let told = pending === 0;
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
    }
  }
}

/** An old log still folds: unknown types and fields pass through, the fold passes over what it does not know. */
function parse(seq: number, subject: string, text: string): StoredEvent {
  const body = JSON.parse(text) as Envelope<never> & { type: EventType };
  return { seq, subject, time: body.time, type: body.type, data: body.data };
}

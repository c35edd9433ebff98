import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { type Envelope, envelopeSchema, streams } from '@tranship/contracts';
import type { Connection } from './connection.ts';

export interface ConsumeOptions {
  /** Name that the replicas share: each message goes to one of them. */
  durable: string;
  filter: string;
  /** Messages in work at once in this process. */
  concurrency: number;
  /** The server forgets the consumer after this long without a client; 0 keeps it. */
  inactiveMs?: number;
}

/** A dead worker's command is redelivered after this long without a sign of life. */
const ackWaitMs = 60_000;
const heartbeatMs = 15_000;
const maxDeliver = 20;

/** Commands: a work queue, each taken by one worker, acknowledged only when its outcome is safe. */
export class CommandQueue {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async send(subject: string, message: Envelope): Promise<void> {
    await this.#connection.js.publish(subject, JSON.stringify(message), { msgID: message.id });
  }

  /** Whether a command of this id still waits, or is in work, on its subject. */
  async pending(subject: string, id: string): Promise<boolean> {
    const message = await this.#connection.jsm.streams.getMessage(streams.commands, { last_by_subj: subject });
    return message !== null && (JSON.parse(message.string()) as Envelope).id === id;
  }

  /**
   * Takes commands until `signal` aborts, then waits for those in work.
   * The handler's return acknowledges; its throw gives the message back for another try, after `maxDeliver` tries to `dead`.
   */
  async consume(
    options: ConsumeOptions,
    handler: (message: Envelope, subject: string) => Promise<void>,
    dead: (subject: string, message: string, error: unknown) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const consumer = await this.#consumer(options);
    const messages = await consumer.consume({ max_messages: options.concurrency });
    const stop = () => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    const working = new Set<Promise<void>>();
    try {
      for await (const message of messages) {
        const task = handle(message, handler, dead).finally(() => working.delete(task));
        working.add(task);
        if (working.size >= options.concurrency) await Promise.race(working);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.allSettled(working);
    }
  }

  async #consumer({ durable, filter, concurrency, inactiveMs = 0 }: ConsumeOptions): Promise<Consumer> {
    await this.#connection.jsm.consumers.add(streams.commands, {
      durable_name: durable,
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWaitMs),
      max_deliver: maxDeliver + 1,
      max_ack_pending: Math.max(concurrency * 8, 64),
      ...(inactiveMs > 0 ? { inactive_threshold: nanos(inactiveMs) } : {}),
    });
    return this.#connection.js.consumers.get(streams.commands, durable);
  }
}

async function handle(
  message: JsMsg,
  handler: (message: Envelope, subject: string) => Promise<void>,
  dead: (subject: string, message: string, error: unknown) => Promise<void>,
): Promise<void> {
  const alive = setInterval(() => message.working(), heartbeatMs);
  try {
    await handler(envelopeSchema.parse(JSON.parse(message.string())) as Envelope, message.subject);
    await message.ackAck();
  } catch (error) {
    if (message.info.deliveryCount >= maxDeliver) {
      await dead(message.subject, message.string(), error);
      message.term('given up');
    } else message.nak(Math.min(1000 * 2 ** message.info.deliveryCount, 30_000));
  } finally {
    clearInterval(alive);
  }
}

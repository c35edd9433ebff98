import { AckPolicy, type Consumer, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { type Envelope, type ServiceName, streams, subjects, token } from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { call, isConsumerExists, isConsumerNotFound } from './errors.ts';
import { type Bury, type Handler, handle } from './one-command.ts';
import { Puller } from './puller.ts';

export interface ConsumeOptions {
  /** Name that the replicas share: each message goes to one of them. */
  durable: string;
  filter: string;
  /** Messages in work at once in this process. */
  concurrency: number;
  /** The server forgets the consumer after this long without a client; 0 keeps it. */
  inactiveMs?: number;
  /** A dead worker's command is redelivered after this long without a sign of life. */
  ackWaitMs?: number;
  /** Tries of one command, over all replicas, before it is given up. */
  tries?: number;
}

/** The consumer of one VM's workbench. */
export const workbenchConsumer = (service: ServiceName, migration: string, vm: string): string =>
  [service, migration, vm].map(token).join('-');

/** Commands in work at once over all replicas. */
const maxInWork = 1000;

/** Commands: a work queue, each taken by one worker, acknowledged only when its outcome is safe. */
export class CommandQueue {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async send(subject: string, message: Envelope): Promise<void> {
    const { js, span } = this.#connection;
    const { id, traceparent: parent } = message;
    const attributes = { 'messaging.destination.name': subject, 'messaging.message.id': id };
    const verb = subject.split('.')[4];
    await span({ name: `send ${verb}`, kind: 'producer', parent, attributes }, async ({ traceparent }) => {
      await call(`send ${subject}`, js.publish(subject, JSON.stringify({ ...message, traceparent }), { msgID: id }));
    });
  }

  /** Whether a command of this id still waits, or is in work, on its subject. */
  async pending(subject: string, id: string): Promise<boolean> {
    const { streams: api } = this.#connection.jsm;
    const message = await call(`look at ${subject}`, api.getMessage(streams.commands, { last_by_subj: subject }));
    return message !== null && (JSON.parse(message.string()) as Envelope).id === id;
  }

  /** A VM's workbench is gone: what it was asked for goes too, and its consumer. A new one finds nothing of it. */
  async purge(service: ServiceName, migration: string, vm: string): Promise<void> {
    const { streams: api, consumers } = this.#connection.jsm;
    const filter = subjects.commandsOf(service, migration, vm);
    await call(`purge ${filter}`, api.purge(streams.commands, { filter }));
    const removed = consumers.delete(streams.commands, workbenchConsumer(service, migration, vm));
    await call(`purge ${filter}`, removed).catch((error: unknown) => {
      if (!isConsumerNotFound(error)) throw error;
    });
  }

  /**
   * Takes commands until `signal` aborts, then waits for those in work.
   * The handler's return acknowledges; its throw gives the message back for another try, and at last to `dead`.
   * A command is taken only when there is a free hand for it: one that waits here could be done by another replica.
   */
  async consume(options: ConsumeOptions, handler: Handler, dead: Bury, signal: AbortSignal): Promise<void> {
    const { concurrency, ackWaitMs = 20_000, tries = 20 } = options;
    const puller = new Puller(
      await this.#consumer(options, ackWaitMs),
      () => this.#consumer(options, ackWaitMs),
      signal,
    );
    const working = new Set<Promise<void>>();
    try {
      while (!signal.aborted) {
        if (working.size >= concurrency) await Promise.race(working);
        const message = await puller.next();
        if (!message) continue;
        const task = handle(message, handler, dead, { aliveMs: ackWaitMs / 4, tries }).finally(() =>
          working.delete(task),
        );
        working.add(task);
      }
    } finally {
      await Promise.allSettled(working);
    }
  }

  /** Makes the consumer, or brings it up to date: replicas of two versions may run side by side. */
  async #consumer({ durable, filter, inactiveMs = 0 }: ConsumeOptions, ackWaitMs: number): Promise<Consumer> {
    const { consumers } = this.#connection.jsm;
    const changing = {
      filter_subject: filter,
      ack_wait: nanos(ackWaitMs),
      // Without end: who dies of a command would else leave it undelivered and unburied. We count ourselves.
      max_deliver: -1,
      max_ack_pending: maxInWork,
      ...(inactiveMs > 0 ? { inactive_threshold: nanos(inactiveMs) } : {}),
    } satisfies Partial<ConsumerConfig>;
    const fixed = { durable_name: durable, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All };
    try {
      await call(`consume ${filter}`, consumers.add(streams.commands, { ...fixed, ...changing }));
    } catch (error) {
      if (!isConsumerExists(error)) throw error;
      await call(`consume ${filter}`, consumers.update(streams.commands, durable, changing));
    }
    return call(`consume ${filter}`, this.#connection.js.consumers.get(streams.commands, durable));
  }
}

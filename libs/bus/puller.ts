import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';

/** How long one request for a message stands at the server. */
const standMs = 5_000;
const pauseMs = { first: 100, most: 5_000 };

/** Takes one message at a time from a consumer; a consumer that is lost is made again. */
export class Puller {
  #consumer: Consumer;
  readonly #again: () => Promise<Consumer>;
  readonly #signal: AbortSignal;
  #messages: ConsumerMessages | undefined;
  #failures = 0;

  constructor(consumer: Consumer, again: () => Promise<Consumer>, signal: AbortSignal) {
    this.#consumer = consumer;
    this.#again = again;
    this.#signal = signal;
    // Without our inbox the server keeps the message for another.
    signal.addEventListener('abort', () => this.#messages?.stop(), { once: true });
  }

  /** The next message; undefined when none came in a while, when the server is away, or after the abort. */
  async next(): Promise<JsMsg | undefined> {
    try {
      this.#messages = await this.#consumer.fetch({ max_messages: 1, expires: standMs, idle_heartbeat: 1_000 });
      if (this.#signal.aborted) this.#messages.stop();
      for await (const message of this.#messages) {
        this.#failures = 0;
        return message;
      }
      this.#failures = 0;
    } catch {
      await this.#recover();
    }
    return undefined;
  }

  /** A server that is away or starting, or a consumer that is gone with the server's memory. */
  async #recover(): Promise<void> {
    const wait = Math.min(pauseMs.first * 2 ** this.#failures++, pauseMs.most);
    await sleep(wait, undefined, { signal: this.#signal }).catch(() => {});
    if (this.#signal.aborted) return;
    this.#consumer = await this.#again().catch(() => this.#consumer);
  }
}

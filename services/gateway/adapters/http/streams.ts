import type { ServerResponse } from 'node:http';
import { TranshipError } from '@tranship/contracts';
import type { FastifyReply } from 'fastify';

/** Followers at once that one replica bears. */
const most = 500;
const aliveMs = 15_000;

/** The open event streams of this replica. */
export class Streams {
  readonly #open = new Set<AbortController>();

  get count(): number {
    return this.#open.size;
  }

  /** Takes the connection over and lets `write` fill it until the client leaves or we close. */
  async run(
    reply: FastifyReply,
    headers: Record<string, string>,
    write: (response: ServerResponse, signal: AbortSignal) => Promise<void>,
  ): Promise<FastifyReply> {
    if (this.#open.size >= most)
      throw new TranshipError('service.unavailable', `this gateway has ${most} event streams open already`);
    reply.hijack();
    const response = reply.raw;
    const control = new AbortController();
    this.#open.add(control);
    const leave = () => control.abort();
    response.once('close', leave);
    response.once('error', leave);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      ...headers,
    });
    response.write('retry: 1000\n\n');
    const alive = setInterval(() => response.write(': alive\n\n'), aliveMs);
    try {
      await write(response, control.signal);
    } catch {
      // The stream just ends: the client comes again with its last id and misses nothing.
    } finally {
      clearInterval(alive);
      control.abort();
      this.#open.delete(control);
      response.end();
    }
    return reply;
  }

  close(): void {
    for (const control of this.#open) control.abort();
  }
}

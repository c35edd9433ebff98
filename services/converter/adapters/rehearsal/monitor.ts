import type { Socket } from 'node:net';
import { TranshipError } from '@tranship/contracts';
import { onJson } from './lines.ts';

const answerMs = 20_000;

/** QEMU's monitor: commands with their answers, and what QEMU tells by itself. */
export class Monitor {
  /** Names of events, in their order. */
  readonly told: string[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (message: Record<string, unknown>) => void>();
  #ids = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    onJson(socket, (message) => {
      if (typeof message.event === 'string') this.told.push(message.event);
      if (typeof message.id === 'number') this.#waiting.get(message.id)?.(message);
    });
  }

  /** Throws where QEMU refuses, or does not answer. */
  async run(execute: string, args: object = {}): Promise<unknown> {
    const id = ++this.#ids;
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    const late = setTimeout(() => reject(failed(execute, 'no answer')), answerMs);
    this.#waiting.set(id, resolve);
    this.#socket.once('close', () => reject(failed(execute, 'the monitor closed')));
    this.#socket.write(`${JSON.stringify({ execute, arguments: args, id })}\n`);
    try {
      const answer = await promise;
      if (answer.error) throw failed(execute, (answer.error as { desc: string }).desc);
      return answer.return;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }
}

const failed = (command: string, why: string) => new TranshipError('guest.conversion', `QEMU: ${command}: ${why}`);

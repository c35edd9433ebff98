import type { Socket } from 'node:net';
import { z } from 'zod';
import type { AgentNic } from '../../domain/rehearsal/verdict.ts';
import { onJson } from './lines.ts';

const answerMs = 5_000;
const mostNics = 256;

const interfacesSchema = z.array(
  z.object({
    name: z.string().max(64),
    'hardware-address': z.string().max(64).optional(),
    'ip-addresses': z
      .array(z.object({ 'ip-address': z.string().max(64), prefix: z.number().optional() }))
      .max(mostNics)
      .default([]),
  }),
);
const osSchema = z.object({ 'pretty-name': z.string().max(256).optional(), name: z.string().max(256).optional() });
const startedSchema = z.object({ pid: z.number() });
const ranSchema = z.object({ exited: z.boolean(), exitcode: z.number().optional(), 'out-data': z.string().optional() });

/** The guest agent behind its serial port. What it says is the guest's word: checked, and bounded. */
export class GuestAgent {
  readonly #socket: Socket;
  #heard: ((message: Record<string, unknown>) => void) | undefined;
  #ids = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    onJson(socket, (message) => this.#heard?.(message));
  }

  /** Whether it is there; what it had to say to earlier questions is let go by. */
  async answers(): Promise<boolean> {
    const id = ++this.#ids;
    return (await this.#ask('guest-sync', { id }, (answer) => answer === id)) === id;
  }

  async nics(): Promise<AgentNic[] | undefined> {
    const found = interfacesSchema.safeParse(await this.#ask('guest-network-get-interfaces'));
    return found.data?.slice(0, mostNics).flatMap((each) => {
      const mac = each['hardware-address'];
      const addresses = each['ip-addresses'].map(
        ({ 'ip-address': address, prefix }) => `${address}${prefix === undefined ? '' : `/${prefix}`}`,
      );
      return mac === undefined || each.name === 'lo' ? [] : [{ name: each.name, mac, addresses }];
    });
  }

  async os(): Promise<string> {
    const { 'pretty-name': pretty, name } = osSchema.safeParse(await this.#ask('guest-get-osinfo')).data ?? {};
    return pretty ?? name ?? '';
  }

  /** Begins a program in the guest; undefined: its agent does not let anybody. */
  async start(path: string, arg: readonly string[]): Promise<number | undefined> {
    const started = await this.#ask('guest-exec', { path, arg, 'capture-output': true });
    return startedSchema.safeParse(started).data?.pid;
  }

  /** What it said, once it has ended. */
  async output(pid: number): Promise<string | undefined> {
    const ran = ranSchema.safeParse(await this.#ask('guest-exec-status', { pid })).data;
    return ran?.exited ? Buffer.from(ran['out-data'] ?? '', 'base64').toString('utf8') : undefined;
  }

  /** Undefined: it refuses, or does not answer. */
  async #ask(execute: string, args: object = {}, is: (answer: unknown) => boolean = () => true): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const late = setTimeout(() => resolve(undefined), answerMs);
    this.#heard = (message) => {
      if (message.error !== undefined && execute !== 'guest-sync') resolve(undefined);
      else if ('return' in message && is(message.return)) resolve(message.return);
    };
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#heard = undefined;
    }
  }
}

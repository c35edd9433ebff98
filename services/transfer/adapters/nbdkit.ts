import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Clock } from '@tranship/service-kit';
import { meaning } from '../domain/vddk.ts';

const startMs = 30_000;
const stopMs = 5_000;
const lookMs = 10;
const logBytes = 16 * 1024;

/** One nbdkit, a child that ends with us; its socket lies in a folder of its own. */
export class Nbdkit {
  readonly socket: string;
  /** Written once it takes connections; the socket's file is there a moment before. */
  readonly #ready: string;
  readonly #dir: string;
  readonly #child: ChildProcess;
  /** It has ended, and all that it said is read. */
  readonly #closed: Promise<unknown>;
  #ended = false;
  #log = '';

  private constructor(dir: string, args: readonly string[]) {
    this.#dir = dir;
    this.socket = join(dir, 'nbd');
    this.#ready = join(dir, 'pid');
    const own = ['-f', '--exit-with-parent', '--readonly', '-U', this.socket, '-P', this.#ready];
    this.#child = spawn('nbdkit', [...own, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#closed = new Promise<void>((done) =>
      this.#child.once('close', () => {
        this.#ended = true;
        done();
      }),
    );
    this.#child.stderr!.on('data', (text: Buffer) => {
      this.#log = (this.#log + text.toString()).slice(-logBytes);
    });
    this.#child.once('error', (error) => {
      this.#log += `error: ${error.message}`;
    });
  }

  static async start(args: readonly string[], signal: AbortSignal, clock: Clock): Promise<Nbdkit> {
    const server = new Nbdkit(await mkdtemp(join(tmpdir(), 'nbdkit-')), args);
    const end = clock.now() + startMs;
    while (!existsSync(server.#ready)) {
      if (server.#ended || clock.now() > end || signal.aborted) {
        await server.stop();
        signal.throwIfAborted();
        const { code, retry, detail } = meaning(server.log);
        throw new TranshipError(code, `nbdkit does not start: ${detail}`, { retry });
      }
      await clock.sleep(lookMs);
    }
    return server;
  }

  /** The last that it said. */
  get log(): string {
    return this.#log;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await this.#closed;
    clearTimeout(hard);
    await rm(this.#dir, { recursive: true, force: true });
  }
}

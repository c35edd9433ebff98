import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';

export interface PartSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Asked until it says true. */
  readonly ready?: () => Promise<boolean>;
  readonly readySeconds?: number;
}

const maxRestarts = 50;

/** One supervised process of the lab: started, awaited, started again when it ends by itself, ended with the lab. */
export class Part {
  readonly #spec: PartSpec;
  readonly #log: number;
  #child: ChildProcess | undefined;
  #stopping = false;
  #restarts = 0;

  constructor(spec: PartSpec, logDir: string) {
    this.#spec = spec;
    this.#log = openSync(join(logDir, `${spec.name}.log`), 'a');
  }

  get name(): string {
    return this.#spec.name;
  }

  async start(): Promise<void> {
    this.#spawn();
    const { ready, readySeconds = 60, name } = this.#spec;
    if (ready && !(await until(ready, readySeconds * 1000)))
      throw new Error(`${name} was not ready within ${readySeconds} s: see its log`);
  }

  async stop(graceMs = 8_000): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(hard);
  }

  #spawn(): void {
    const [program, ...args] = this.#spec.command;
    const child = spawn(program, args, {
      stdio: ['ignore', this.#log, this.#log],
      env: { ...process.env, ...this.#spec.env },
    });
    this.#child = child;
    child.once('error', (error) => console.error(`${this.name}: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      console.error(`${this.name} ended with ${code ?? signal}; restart ${this.#restarts}`);
      if (this.#restarts++ < maxRestarts)
        setTimeout(() => !this.#stopping && this.#spawn(), Math.min(200 * this.#restarts, 5_000));
    });
  }
}

/** Asks every 100 ms until it is so, or the time is over. */
export async function until(ask: () => Promise<boolean>, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (await ask().catch(() => false)) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

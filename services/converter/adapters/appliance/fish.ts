import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TranshipError } from '@tranship/contracts';
import { endGroup } from './group.ts';

const [commandMs, endMs] = [300_000, 60_000];
const maxOutput = 64 * 1024 ** 2;
/** How guestfish begins what it says of a command that failed. */
const failure = /^\*stdin\*:\d+: /m;

/** A command that guestfish carried out and that failed, in its own words. */
export class Failed extends TranshipError {
  constructor(command: string, said: string) {
    super('guest.conversion', `appliance: ${command}: ${said}`, { retry: command === 'launch' });
  }
}

/** One guestfish that lives as long as its appliance: a line of command, then what it answers. Commands follow one another. */
export class Fish {
  readonly #child: ChildProcess;
  readonly #mark = randomUUID();
  readonly #signal: AbortSignal;
  #output = '';
  #ended = false;
  #heard: () => void = () => {};
  #turn: Promise<unknown> = Promise.resolve();

  constructor(environment: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#signal = signal;
    // What it says of failures must stand among its answers, in order.
    this.#child = spawn('sh', ['-c', 'exec guestfish --no-progress-bars --keys-from-stdin 2>&1'], {
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    const end = () => {
      this.#ended = true;
      this.#heard();
    };
    this.#child.stdin!.on('error', () => {});
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      if (this.#output.length > maxOutput) this.kill();
      this.#heard();
    });
    this.#child.once('error', end).once('close', end);
    signal.addEventListener('abort', () => this.kill(), { once: true });
  }

  /**
   * Arguments are quoted already; a key is the line that the command asks for itself. Throws {@link Failed} when it fails,
   * `guest.conversion` when there is no answer.
   */
  ask(command: string, args: readonly string[] = [], deadlineMs = commandMs, key?: Buffer): Promise<string> {
    const work = this.#turn.then(() => this.#ask(command, args, deadlineMs, key));
    this.#turn = work.catch(() => {});
    return work;
  }

  async #ask(command: string, args: readonly string[], deadlineMs: number, key?: Buffer): Promise<string> {
    this.#output = '';
    const { stdin } = this.#child;
    stdin!.write(`-${[command, ...args].join(' ')}\n`);
    if (key) stdin!.write(Buffer.concat([key, Buffer.from('\n')]));
    stdin!.write(`echo ${this.#mark}\n`);
    const end = `${this.#mark}\n`;
    const late = new AbortController();
    const alarm = sleep(deadlineMs, undefined, { signal: late.signal }).then(() => this.kill());
    alarm.catch(() => {});
    while (!this.#output.endsWith(end) && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    late.abort();
    this.#signal.throwIfAborted();
    const said = this.#output;
    if (!said.endsWith(end)) {
      const why = said.trim() === '' ? 'it ended' : said.trim().slice(-1000);
      throw new TranshipError('guest.conversion', `appliance: ${command}: ${why}`, { retry: true });
    }
    const answer = said.slice(0, -end.length);
    const at = answer.search(failure);
    if (at >= 0)
      throw new Failed(command, answer.slice(at).replace(failure, '').split('\n').slice(0, 3).join(' ').trim());
    return answer;
  }

  /** Lets it end by itself, so that all it wrote is in the files below. Throws where it does not. */
  async end(): Promise<void> {
    await this.ask('shutdown');
    this.#child.stdin!.end();
    const over = new AbortController();
    await Promise.race([this.#gone(), sleep(endMs, undefined, { signal: over.signal }).catch(() => {})]);
    over.abort();
    if (!this.#ended) throw new TranshipError('guest.conversion', 'appliance: it does not end', { retry: true });
  }

  /** Ends it with all that it started. */
  kill(): void {
    endGroup(this.#child);
  }

  async close(): Promise<void> {
    this.kill();
    await this.#gone();
  }

  async #gone(): Promise<void> {
    while (!this.#ended)
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
  }
}

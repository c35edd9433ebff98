import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../state.ts';

const program = fileURLToPath(new URL('ask.ts', import.meta.url));

export interface Answer {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly words: readonly string[];
}

/** A neighbour on the lab's LAN who asks a TCP service once a second, and writes down each answer. */
export class Asking {
  readonly answers: Answer[] = [];
  readonly #child: ChildProcess;

  constructor(lab: Lab, host: string, port: number) {
    const inside = ['-t', String(lab.init), '-n', process.execPath, program, host, String(port)];
    this.#child = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout!).on('line', (line) => {
      const [at, ...words] = line.split(' ');
      this.answers.push({ at: Number(at), words });
    });
  }

  /** The longest time without an answer: what was said before and after it. */
  silence(): { last: Answer; first: Answer } | undefined {
    const pairs = this.answers.slice(1).map((first, i) => ({ last: this.answers[i]!, first }));
    return pairs.sort((a, b) => b.first.at - b.last.at - (a.first.at - a.last.at))[0];
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }
}

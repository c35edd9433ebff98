import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Program {
  readonly child: ChildProcess;
  /** What it has said so far: results, errors and all, in lines. */
  readonly lines: string[];
  /** Waits until it says these words. */
  says(words: string): Promise<void>;
  ended(): Promise<number | null>;
  /** As a terminal does it: all that runs in the foreground is told. Gives the exit code. */
  ctrlC(): Promise<number | null>;
}

/** Starts a program on the lab in `dir` as the foreground of a terminal: a group of its own. */
export function foreground(args: readonly string[], dir: string): Program {
  const env = { ...process.env, TRANSHIP_LAB_DIR: dir };
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => child.emit('said', lines[lines.push(line) - 1]));
  // Once all is read, too.
  const end = new Promise<number | null>((done) => child.once('close', done));
  const ctrlC = () => {
    process.kill(-child.pid!, 'SIGINT');
    return end;
  };
  // A test that fails on the way leaves it running.
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) await ctrlC();
  });
  return {
    child,
    lines,
    says: (words) =>
      new Promise((resolve, reject) => {
        child.on('said', (line: string) => line.includes(words) && resolve());
        if (lines.some((line) => line.includes(words))) resolve();
        void end.then(() => reject(new Error(`ended before it said: ${words}\n${lines.join('\n')}`)));
      }),
    ended: () => end,
    ctrlC,
  };
}

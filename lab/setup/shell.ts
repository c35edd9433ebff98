import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  /** Told every line of both outputs. */
  onLine?: (line: string) => void;
  deadlineMs?: number;
}

const running = new Set<ChildProcess>();
/** Programs do not outlive the one that called them. */
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** Runs a program to its end and gives its standard output. Throws with the last lines of what it said. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { cwd, env, input, onLine, deadlineMs = 3_600_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', () => running.delete(child));
    const out: string[] = [];
    const tail: string[] = [];
    const take = (line: string) => {
      tail.push(line);
      if (tail.length > 30) tail.shift();
      onLine?.(line);
    };
    const outLines = createInterface(child.stdout).on('line', (line) => {
      out.push(line);
      take(line);
    });
    const errLines = createInterface(child.stderr).on('line', take);
    child.once('error', (error) => reject(new Error(`${program}: ${error.message}`)));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const closed = (lines: typeof outLines) => new Promise<void>((done) => lines.once('close', done));
    const ended = new Promise<number | string>((done) =>
      child.once('exit', (code, signal) => done(code ?? signal ?? 1)),
    );
    Promise.all([ended, closed(outLines), closed(errLines)]).then(([code]) => {
      if (code === 0) resolve(out.join('\n'));
      else reject(new Error(`${program} ${args.slice(0, 3).join(' ')} ended with ${code}:\n${tail.join('\n')}`));
    });
  });
}

/** Whether a program is on the path. */
export const has = (program: string): Promise<boolean> =>
  run('sh', ['-c', 'command -v "$1"', 'sh', program], { deadlineMs: 5_000 }).then(
    () => true,
    () => false,
  );

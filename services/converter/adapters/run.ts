import { spawn } from 'node:child_process';
import { TranshipError } from '@tranship/contracts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** What a tool that reads a guest may take, in bytes: what lies on the disk may ask for anything. */
  readonly bounds?: Bounds;
}

export interface Bounds {
  readonly memory: number;
  /** Of each file that it writes. */
  readonly file?: number;
}

/** A program and its arguments under bounds, which hold whatever it is given. */
export const bounded = (
  program: string,
  args: readonly string[],
  { memory, file }: Bounds,
): [string, readonly string[]] => [
  'prlimit',
  [`--as=${memory}`, ...(file === undefined ? [] : [`--fsize=${file}`]), '--', program, ...args],
];

const maxOutput = 16 * 1024 ** 2;
/** The tools lie in sbin; their messages are read, so they speak one language. */
const env = () => ({ ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C', LANGUAGE: 'C' });

/** Runs a program to its end, whatever its exit code. Throws `guest.conversion` when it does not start, is killed, or takes too long. */
export function run(
  program: string,
  args: readonly string[],
  { input, deadlineMs, signal, bounds }: RunOptions,
): Promise<Outcome> {
  const [started, given] = bounds ? bounded(program, args, bounds) : [program, args];
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(new TranshipError('guest.conversion', `${program}: ${what}`, { retry: true }));
    const child = spawn(started, given, { env: env(), signal, timeout: deadlineMs, killSignal: 'SIGKILL' });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    let size = 0;
    const keep = (list: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxOutput) child.kill('SIGKILL');
      else list.push(chunk);
    };
    child.stdout.on('data', keep(out));
    child.stderr.on('data', keep(errors));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, killed) => {
      if (size > maxOutput) return reject(new TranshipError('guest.malformed', `${program} says too much of it`));
      if (code === null) return fail(`it was ended by ${killed}`);
      resolve({ code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(errors).toString('utf8') });
    });
  });
}

/** Whether something failed for lack of room: what runs as a program of its own says so in words. */
export const isFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' || /No space left on device/i.test((error as Error).message);

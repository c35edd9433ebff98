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
}

const maxOutput = 64 * 1024 ** 2;
/** The tools lie in sbin; their messages are read, so they speak one language. */
const env = () => ({ ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C', LANGUAGE: 'C' });

/** Runs a program to its end, whatever its exit code. Throws `guest.conversion` when it does not start, is killed, or takes too long. */
export function run(
  program: string,
  args: readonly string[],
  { input, deadlineMs, signal }: RunOptions,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(new TranshipError('guest.conversion', `${program}: ${what}`, { retry: true }));
    const child = spawn(program, args, { env: env(), signal, timeout: deadlineMs, killSignal: 'SIGKILL' });
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
      if (code === null) return fail(size > maxOutput ? 'it says too much' : `it was ended by ${killed}`);
      resolve({ code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(errors).toString('utf8') });
    });
  });
}

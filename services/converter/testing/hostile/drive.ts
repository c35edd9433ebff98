import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const runner = fileURLToPath(new URL('runner.ts', import.meta.url));
/** No input may take longer, and no process more. */
export const bounds = { deadlineMs: 120_000, bytes: 300 * 1024 ** 2 } as const;
/** MiB of objects: what nobody uses any more is collected early, and whoever truly needs more ends the process. */
const heap = ['--max-old-space-size=96', '--max-semi-space-size=2'];
/** Inputs that one process is given. */
const batch = 1000;
/** To make what the inputs are made of. */
const startMs = 120_000;

const lineSchema = z.union([
  z.object({ peakBytes: z.number() }),
  z.object({ seed: z.number(), kind: z.string(), error: z.string() }),
  z.object({ seed: z.number(), kind: z.string(), ms: z.number() }),
  z.object({ seed: z.number(), kind: z.string() }),
]);
export type Line = z.infer<typeof lineSchema>;

export interface Failure {
  readonly seed: number;
  readonly kind: string;
  readonly what: string;
}

export interface Tally {
  inputs: number;
  readonly failures: Failure[];
  readonly byKind: Map<string, number>;
  /** The largest of the processes. */
  peakBytes: number;
  slowest: { seed: number; kind: string; ms: number };
}

/** Runs the inputs of `count` seeds from one on, in processes of a thousand each; what hangs or crashes one is told, and the rest goes on behind it. */
export async function drive(
  from: number,
  count: number,
  tell: (tally: Tally, next: number) => void = () => {},
): Promise<Tally> {
  const tally: Tally = {
    inputs: 0,
    failures: [],
    byKind: new Map(),
    peakBytes: 0,
    slowest: { seed: 0, kind: '', ms: 0 },
  };
  for (let next = from; next < from + count; ) {
    next = await runBatch(next, Math.min(batch, from + count - next), tally);
    tell(tally, next);
  }
  return tally;
}

/** The seed to go on with. */
async function runBatch(from: number, count: number, tally: Tally): Promise<number> {
  const args = [...heap, runner, String(from), String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4000);
  });
  const ended = new Promise<string | undefined>((resolve) =>
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${code ?? signal}: ${errors}`)),
  );
  let late: NodeJS.Timeout | undefined;
  let hung = false;
  const watch = (ms: number) => {
    clearTimeout(late);
    late = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, ms);
  };
  let current = { seed: from, kind: 'start' };
  watch(startMs);
  for await (const text of createInterface(child.stdout)) {
    watch(bounds.deadlineMs);
    const line = lineSchema.parse(JSON.parse(text));
    if ('peakBytes' in line) tally.peakBytes = Math.max(tally.peakBytes, line.peakBytes);
    else if ('error' in line) tally.failures.push({ seed: line.seed, kind: line.kind, what: line.error });
    else if ('ms' in line) note(tally, line);
    else current = line;
  }
  const end = await ended;
  clearTimeout(late);
  if (end === undefined && !hung) return from + count;
  tally.failures.push({ ...current, what: hung ? `no answer within ${bounds.deadlineMs} ms` : end! });
  return current.seed + 1;
}

function note(tally: Tally, { seed, kind, ms }: { seed: number; kind: string; ms: number }): void {
  tally.inputs++;
  tally.byKind.set(kind, (tally.byKind.get(kind) ?? 0) + 1);
  if (ms > tally.slowest.ms) tally.slowest = { seed, kind, ms };
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asInImage } from '../lab/setup/cache.ts';
import { installPackages } from '../lab/setup/packages.ts';
import { has, run } from '../lab/setup/shell.ts';
import type { Measured } from './measure.ts';
import type { Errand } from './mover.ts';

export const mib = 1024 * 1024;
export const gib = 1024 * mib;

/** The peers: nbdcopy comes in a package that nothing else needs. */
export async function setUp(): Promise<void> {
  await installPackages();
  if (!(await has('nbdcopy')))
    await run(
      'apt-get',
      ['-o', 'DPkg::Lock::Timeout=400', 'install', '-y', '-q', '--no-install-recommends', 'libnbd-bin'],
      {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      },
    );
}

/** Sources lie in memory, so that the reading costs all the same; targets on a disk. All of it goes at the end. */
export class Site {
  readonly memory = mkdtempSync('/dev/shm/tranship-bench-');
  readonly disk = mkdtempSync(join(tmpdir(), 'tranship-bench-'));
  readonly #servers: ChildProcess[] = [];
  #names = 0;

  source(name: string): string {
    return join(this.memory, name);
  }
  target(name: string): string {
    return join(this.disk, name);
  }
  /** Where no disk is what takes the time. */
  quickTarget(name: string): string {
    return join(this.memory, `target-${name}`);
  }

  /** An nbdkit; gives its socket. */
  async serve(...args: string[]): Promise<string> {
    const socket = join(this.disk, `nbd-${++this.#names}`);
    const server = spawn('nbdkit', ['-f', '-r', '-U', socket, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#servers.push(server);
    for (let i = 0; i < 500 && !existsSync(socket); i++) await sleep(20);
    if (!existsSync(socket)) throw new Error(`nbdkit ${args.join(' ')} does not start`);
    return socket;
  }

  async clear(): Promise<void> {
    for (const server of this.#servers) {
      server.kill('SIGTERM');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    }
    for (const each of [this.memory, this.disk]) rmSync(each, { recursive: true, force: true });
  }
}

/** A disk as guests have them: text, random bytes, zeros that were written, and holes, in areas of 4 KiB to 16 MiB. */
export function makeDisk(file: string, sizeBytes: number): number {
  const fd = openSync(file, 'w');
  ftruncateSync(fd, sizeBytes);
  const random = numbers(42);
  const noise = Buffer.from(Uint32Array.from({ length: 4 * mib }, () => random() * 2 ** 32).buffer);
  const text = Buffer.alloc(16 * mib, 'the quick brown fox jumps over the lazy dog, again and again\n');
  const zeros = Buffer.alloc(16 * mib);
  let data = 0;
  for (let at = 0; at < sizeBytes; ) {
    const length = Math.min(sizeBytes - at, 4096 * Math.ceil(4096 ** random()));
    const kind = random();
    const bytes = kind < 0.3 ? noise : kind < 0.55 ? text : kind < 0.6 ? zeros : undefined;
    if (bytes) data += writeSync(fd, bytes, 0, length, at);
    at += length;
  }
  closeSync(fd);
  return data;
}

/** Numbers that look random, the same in each run. */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** @throws Error where the two differ in a byte */
export function sameBytes(a: string, b: string): void {
  execFileSync('cmp', [a, b], { stdio: ['ignore', 'inherit', 'inherit'], timeout: 600_000 });
}

/** User and system time of our children that have ended, in ms. */
function childrenCpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** A peer, from its start to its end. */
export async function peer(program: string, args: readonly string[]): Promise<Measured> {
  const [cpu, began] = [childrenCpuMs(), performance.now()];
  await run(program, args, { deadlineMs: 900_000 });
  return { ms: performance.now() - began, cpuMs: childrenCpuMs() - cpu };
}

const mover = fileURLToPath(new URL('mover.ts', import.meta.url));

/** Ours, in a process of its own, set up as in the workbench, from the first connection to the last flush; its service stands already in production. */
export async function ours(errand: Errand): Promise<Measured & { rssMb: number; proofMs: number }> {
  const env = { ...asInImage, UV_THREADPOOL_SIZE: '16' };
  const out = await run(process.execPath, [mover], { env, input: JSON.stringify(errand), deadlineMs: 900_000 });
  return JSON.parse(out.split('\n').at(-1)!) as Measured & { rssMb: number; proofMs: number };
}

/** Nothing of the round before is still being written. */
export const settle = (): void => void execFileSync('sync', { timeout: 600_000 });

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import {
  type BlockSource,
  Ledger,
  type PassRequest,
  prove,
  type Range,
  runPass,
  type Sink,
} from '../../blocks/index.ts';
import { mib } from '../../blocks/testing/source.ts';
import { NbdClient, NbdSink } from '../index.ts';
import { listening } from './listening.ts';

export const first = { pass: 1, how: 'full' } as const;

/** A folder for each test, servers in it, and passes from a source to one of them; all of it goes with the test. */
export function site() {
  let dir: string;
  const servers: ChildProcess[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'nbd-sink-'));
  });
  afterEach(() => {
    for (const each of servers.splice(0)) each.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  async function serve(program: string, ...args: string[]): Promise<string> {
    const socket = join(dir, `nbd-${servers.length}`);
    const place = program === 'nbdkit' ? ['-f', '-U', socket] : ['-t', '-e', '8', '-k', socket];
    const server = spawn(program, [...place, ...args], { stdio: 'ignore' });
    server.once('error', () => {});
    servers.push(server);
    if (!(await listening(socket))) throw new Error(`${program} did not start: apt-get install nbdkit qemu-utils`);
    return socket;
  }

  async function copied(source: BlockSource, socket: string, request: PassRequest, ranges: Range[] = []) {
    const sizeBytes = source.size;
    const ledger = await Ledger.open(dir, { vm: 'vm', disk: 0, key: 1, sizeBytes });
    const sink: Sink = await NbdSink.connect({ socket }, sizeBytes);
    try {
      const done = await runPass({ source: async () => source, sink, ledger, sizeBytes, request, ranges });
      return { ...done, proof: await prove({ sink, ledger, sizeBytes, pass: request.pass }) };
    } finally {
      await Promise.all([sink.close(), ledger.close()]);
    }
  }

  return { folder: () => dir, serve, copied };
}

/** A disk of so many TiB with four small places that hold anything, onto one of the same kind. */
export async function copiesHoles({ serve, copied }: Pick<ReturnType<typeof site>, 'serve' | 'copied'>, tib: number) {
  const size = tib * 1024 ** 4;
  const places = [0, 5 * 1024 ** 3 + 1234, size / 2, size - 700];
  const data = places.map((at) => `@${at} ("${at}.")*30`).join(' ');
  const source = await NbdClient.connect({ socket: await serve('nbdkit', 'data', data, `size=${size}`) });
  const to = await serve('nbdkit', 'memory', String(size));
  const done = await copied(source, to, first);
  expect(done).toMatchObject({ how: 'full', proof: { root: done.root } });
  expect(done.writtenBytes).toBeGreaterThan(3 * 65_536);
  expect(done.writtenBytes).toBeLessThanOrEqual(6 * 65_536);
  expect(done.readBytes).toBeLessThan(64 * mib);
  const target = await NbdClient.connect({ socket: to });
  for (const at of places) {
    const [here, there] = [Buffer.alloc(300), Buffer.alloc(300)];
    await Promise.all([source.read(at, there), target.read(at, here)]);
    expect(here.equals(there)).toBe(true);
    expect(here.toString()).toContain(`${at}.${at}.`);
  }
  await Promise.all([source.close(), target.close()]);
}

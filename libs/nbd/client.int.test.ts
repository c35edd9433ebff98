import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NbdClient } from './index.ts';

let dir: string;
let server: ChildProcess | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nbd-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function serve(...args: string[]): Promise<NbdClient> {
  const socket = join(dir, 'nbd');
  server = spawn('nbdkit', ['-f', '-U', socket, ...args], { stdio: 'ignore' });
  server.once('error', () => {});
  for (let i = 0; i < 200 && !existsSync(socket); i++) await new Promise((done) => setTimeout(done, 20));
  if (!existsSync(socket)) throw new Error('nbdkit did not start: apt-get install nbdkit');
  return NbdClient.connect({ socket });
}

test('nbd - 64 reads in flight come back each in its own buffer', async () => {
  const client = await serve('pattern', '8M');
  const reads = Array.from({ length: 64 }, (_, i) => client.read(i * 128 * 1024, 128 * 1024));
  for (const [i, data] of (await Promise.all(reads)).entries())
    for (const at of [0, 8, 131_064]) expect(Number(data.readBigUInt64BE(at))).toBe(i * 128 * 1024 + at);
  client.close();
});

test('nbd - extents of a sparse file cover the window without gaps', async () => {
  const file = join(dir, 'disk');
  const fd = openSync(file, 'w');
  writeSync(fd, Buffer.alloc(65_536, 7), 0, 65_536, 4 * 1024 * 1024);
  writeSync(fd, Buffer.alloc(4096, 7), 0, 4096, 8 * 1024 * 1024 - 4096);
  const client = await serve('file', file);
  const extents = await client.extents(1024 * 1024, 7 * 1024 * 1024);
  expect(extents[0]).toMatchObject({ offset: 1024 * 1024, zero: true });
  for (const [i, each] of extents.entries())
    if (i > 0) expect(each.offset).toBe(extents[i - 1]!.offset + extents[i - 1]!.length);
  expect(extents.reduce((sum, each) => sum + each.length, 0)).toBe(7 * 1024 * 1024);
  expect(extents.find((each) => !each.zero)).toMatchObject({ offset: 4 * 1024 * 1024, length: 65_536 });
  client.close();
});

test('nbd - an error of the server fails that read alone', async () => {
  const client = await serve('--filter=error', 'pattern', '1M', 'error-pread=EIO', 'error-pread-rate=50%');
  const reads = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => client.read(i * 4096, 4096)));
  const failed = reads.filter((each) => each.status === 'rejected');
  expect(failed.length).toBeGreaterThan(10);
  expect(failed.length).toBeLessThan(90);
  expect(failed[0]!.reason).toMatchObject({ code: 'transfer.read', detail: expect.stringContaining('EIO') });
  client.close();
});

test('nbd - a killed server fails all that is in flight, and all that comes after', async () => {
  const client = await serve('--filter=delay', 'pattern', '1M', 'rdelay=30');
  const read = client.read(0, 4096);
  server!.kill('SIGKILL');
  await expect(read).rejects.toMatchObject({ code: 'transfer.read', retry: true });
  await expect(client.read(0, 4096)).rejects.toMatchObject({ code: 'transfer.read' });
});

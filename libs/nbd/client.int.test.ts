import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NbdClient } from './index.ts';
import { listening } from './testing/listening.ts';

let dir: string;
let server: ChildProcess | undefined;
const socket = () => join(dir, 'nbd');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nbd-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function start(program: string, args: readonly string[]): Promise<void> {
  server = spawn(program, args, { stdio: 'ignore' });
  server.once('error', () => {});
  if (!(await listening(socket()))) throw new Error(`${program} did not start: apt-get install nbdkit qemu-utils`);
}
async function serve(...args: string[]): Promise<NbdClient> {
  await start('nbdkit', ['-f', '-U', socket(), ...args]);
  return NbdClient.connect({ socket: socket() });
}
async function read(client: Pick<NbdClient, 'read'>, offset: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length);
  await client.read(offset, target);
  return target;
}

test('nbd - 64 reads in flight come back each in its own buffer', async () => {
  const client = await serve('pattern', '8M');
  const reads = Array.from({ length: 64 }, (_, i) => read(client, i * 128 * 1024, 128 * 1024));
  for (const [i, data] of (await Promise.all(reads)).entries())
    for (const at of [0, 8, 131_064]) expect(Number(data.readBigUInt64BE(at))).toBe(i * 128 * 1024 + at);
  await client.close();
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
  await client.close();
});

/** A file with data, holes, zeros that are written, and an odd end. */
function oddDisk(): { file: string; bytes: Buffer } {
  const bytes = Buffer.alloc(9 * 1024 * 1024 + 700);
  for (const at of [0, 3_000_000, 7_340_032, bytes.length - 700]) randomBytes(500).copy(bytes, at);
  randomBytes(1024 * 1024).copy(bytes, 5 * 1024 * 1024);
  const file = join(dir, 'disk');
  const fd = openSync(file, 'w');
  for (let at = 0; at < bytes.length; at += 4096) {
    const part = bytes.subarray(at, at + 4096);
    if (part.some((byte) => byte !== 0) || at < 65_536) writeSync(fd, part, 0, part.length, at);
  }
  return { file, bytes };
}

test.each([
  ['nbdkit', (file: string) => ['-f', '-U', socket(), 'file', file]],
  ['qemu-nbd', (file: string) => ['-f', 'raw', '-r', '-t', '-e', '8', '-k', socket(), file]],
])('nbd - %s gives the bytes of the file, many requests in flight at once', async (program, args) => {
  const { file, bytes } = oddDisk();
  await start(program, args(file));
  const source = await NbdClient.connect({ socket: socket() });
  // qemu-nbd serves whole sectors.
  expect(source.size).toBe(program === 'nbdkit' ? bytes.length : Math.ceil(bytes.length / 512) * 512);
  const got = Buffer.alloc(source.size);
  const parts: Promise<void>[] = [];
  for (let at = 0; at < got.length; at += 98_304) parts.push(source.read(at, got.subarray(at, at + 98_304)));
  await Promise.all(parts);
  expect(got.subarray(0, bytes.length).equals(bytes)).toBe(true);
  for (const { offset, length, zero } of await source.extents(0, source.size))
    if (zero) expect(got.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
  await source.close();
});

/** A small authority, and nbdkit's certificate from it. */
function certificates(): string {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-subj', '/CN=ca', '-days', '2');
  openssl('req', ...key, '-keyout', 'server-key.pem', '-out', 'server.csr', '-subj', '/CN=disks.example.com');
  const sign = [
    '-CA',
    'ca-cert.pem',
    '-CAkey',
    'ca-key.pem',
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'none',
  ];
  openssl('x509', '-req', '-in', 'server.csr', ...sign, '-out', 'server-cert.pem');
  return readFileSync(join(dir, 'ca-cert.pem'), 'utf8');
}

test('tls - over TCP, with the authority that is given; another one’s server is refused, and one without TLS', async () => {
  const ca = certificates();
  const port = await freePort();
  server = spawn(
    'nbdkit',
    ['-f', '-i', '127.0.0.1', '-p', String(port), '--tls=require', `--tls-certificates=${dir}`, 'pattern', '8M'],
    { stdio: 'ignore' },
  );
  const address = { host: '127.0.0.1', port };
  const tls = { ca, servername: 'disks.example.com' };
  const client = await until(() => NbdClient.connect(address, { tls }));
  const [data] = await Promise.all([read(client, 65_536, 2 * 1024 * 1024), read(client, 0, 65_536)]);
  for (const at of [0, 8, 2_097_144]) expect(Number(data!.readBigUInt64BE(at))).toBe(65_536 + at);
  await client.close();
  const wrong = { ...tls, servername: 'other.example.com' };
  await expect(NbdClient.connect(address, { tls: wrong })).rejects.toMatchObject({ code: 'transfer.open' });
  await expect(NbdClient.connect(address)).rejects.toMatchObject({ code: 'transfer.open' });
});

test('tls - a server without it is refused, never spoken to in the clear', async () => {
  await (await serve('--tls=off', 'pattern', '1M')).close();
  const tls = { ca: certificates() };
  await expect(NbdClient.connect({ socket: socket() }, { tls })).rejects.toMatchObject({
    code: 'transfer.open',
    detail: expect.stringContaining('no TLS'),
  });
});

async function until<T>(work: () => Promise<T>): Promise<T> {
  for (let i = 0; ; i++) {
    try {
      return await work();
    } catch (error) {
      if (i > 100) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    }),
  );
}

test('nbd - an error of the server fails that read alone', async () => {
  const client = await serve('--filter=error', 'pattern', '1M', 'error-pread=EIO', 'error-pread-rate=50%');
  const reads = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => read(client, i * 4096, 4096)));
  const failed = reads.filter((each) => each.status === 'rejected');
  expect(failed.length).toBeGreaterThan(10);
  expect(failed.length).toBeLessThan(90);
  expect(failed[0]!.reason).toMatchObject({ code: 'transfer.read', detail: expect.stringContaining('EIO') });
  await client.close();
});

test('nbd - a killed server fails all that is in flight, and all that comes after', async () => {
  const client = await serve('--filter=delay', 'pattern', '1M', 'rdelay=30');
  const open = read(client, 0, 4096);
  server!.kill('SIGKILL');
  await expect(open).rejects.toMatchObject({ code: 'transfer.read', retry: true });
  await expect(read(client, 0, 4096)).rejects.toMatchObject({ code: 'transfer.read' });
});

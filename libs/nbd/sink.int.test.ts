import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemorySource, mib, patterned } from '../blocks/testing/source.ts';
import { NbdClient, NbdSink } from './index.ts';
import { copiesHoles, first, site } from './testing/site.ts';

const { folder, serve, copied } = site();

/** As another connection sees it. */
async function held(socket: string, bytes: number): Promise<Buffer> {
  const server = await NbdClient.connect({ socket });
  const all = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += mib) await server.read(at, all.subarray(at, at + mib));
  await server.close();
  return all;
}

const targets: [string, (size: number) => Promise<string>][] = [
  ['nbdkit memory', (size) => serve('nbdkit', 'memory', String(size))],
  [
    'qemu-nbd on a file',
    (size) => {
      const file = join(folder(), 'target');
      writeFileSync(file, '');
      truncateSync(file, size);
      return serve('qemu-nbd', '-f', 'raw', file);
    },
  ],
];

for (const [name, target] of targets)
  test.each([
    ['patterned, of whole pages', patterned(9 * mib, 1)],
    ['of no whole number of pages', patterned(9 * mib + 512, 2)],
    ['of no whole number of sectors', patterned(3 * mib + 700, 3)],
    ['all random', randomBytes(6 * mib)],
    ['nothing allocated', Buffer.alloc(5 * mib)],
  ])(`sink - ${name} holds the bytes of a disk: %s`, async (_, bytes) => {
    const socket = await target(bytes.length);
    const done = await copied(new MemorySource(bytes), socket, first);
    expect((await held(socket, bytes.length)).equals(bytes)).toBe(true);
    expect(done.proof).toEqual({ root: done.root, leaves: Math.ceil(bytes.length / 65_536) });
    const next = Buffer.from(bytes);
    randomBytes(4096).copy(next, 2 * mib + 100);
    next.fill(0, 0, 65_536);
    const delta = { pass: 2, how: 'delta', changeId: 'u/2' } as const;
    const again = await copied(new MemorySource(next), socket, delta, [
      [0, 512],
      [2 * mib + 100, 4096],
    ]);
    expect(again).toMatchObject({ how: 'delta', proof: { leaves: 2 } });
    expect((await held(socket, bytes.length)).equals(next)).toBe(true);
  });

test('sink - what a server holds already is compared, and zeros are written over it', async () => {
  const file = join(folder(), 'target');
  writeFileSync(file, randomBytes(4 * mib));
  const socket = await serve('nbdkit', 'file', file);
  const bytes = patterned(4 * mib, 5);
  expect(await copied(new MemorySource(bytes), socket, first)).toMatchObject({ how: 'compare' });
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

test('sink - a server that cannot zero gets zeros written, and what lies beside them stays', async () => {
  const file = join(folder(), 'target');
  const bytes = randomBytes(4 * mib);
  writeFileSync(file, bytes);
  const socket = await serve('nbdkit', '--filter=nozero', 'file', file);
  const sink = await NbdSink.connect({ socket }, 4 * mib);
  await sink.zero(mib, 2 * mib + 5);
  await sink.flush();
  await sink.close();
  expect(readFileSync(file).equals(bytes.fill(0, mib, 3 * mib + 5))).toBe(true);
});

test('sink - what is discarded is given back, and nothing beside it', async () => {
  const socket = await serve('nbdkit', 'memory', '4M');
  const sink = await NbdSink.connect({ socket }, 4 * mib);
  const bytes = randomBytes(4 * mib);
  await sink.write(0, bytes);
  await sink.discard(mib, mib);
  expect(await sink.extents(mib, mib)).toEqual([{ offset: mib, length: mib, zero: true }]);
  await sink.close();
  expect((await held(socket, 4 * mib)).equals(bytes.fill(0, mib, 2 * mib))).toBe(true);
});

test('sink - 64 writes in flight, from one buffer each, come where they belong', async () => {
  const socket = await serve('nbdkit', 'memory', '16M');
  const sink = await NbdSink.connect({ socket }, 16 * mib);
  const bytes = randomBytes(16 * mib);
  const step = (16 * mib) / 64;
  await Promise.all(
    Array.from({ length: 64 }, (_, i) => sink.write(i * step, bytes.subarray(i * step, (i + 1) * step))),
  );
  await sink.close();
  expect((await held(socket, 16 * mib)).equals(bytes)).toBe(true);
});

test.each([
  [
    'one that can only be read',
    ['-r', 'memory', '1M'],
    { code: 'transfer.open', detail: 'the export can only be read' },
  ],
  ['one that is too small', ['memory', '512K'], { code: 'transfer.write', retry: false }],
])('sink - %s is refused', async (_, args, expected) => {
  const socket = await serve('nbdkit', ...args);
  await expect(NbdSink.connect({ socket }, mib)).rejects.toMatchObject(expected);
});

test('sink - a full disk behind the server is told as such, and the connection goes on', async () => {
  const socket = await serve('nbdkit', 'full', '1M');
  const sink = await NbdSink.connect({ socket }, mib);
  await expect(sink.write(0, randomBytes(65_536))).rejects.toMatchObject({ code: 'target.full' });
  const read = Buffer.alloc(4096, 1);
  await sink.read(0, read);
  expect(read.equals(Buffer.alloc(4096))).toBe(true);
  await sink.close();
});

// Of 62 TiB: huge.slow.test.ts.
test('sink - 2 TiB, almost all of it holes, on both sides', () => copiesHoles({ serve, copied }, 2));

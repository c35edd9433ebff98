import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { vmdkStream } from './index.ts';
import { mib, patterned } from './testing/source.ts';
import { chunks, grain, grainBytes, type HeaderFields, header, marker, tail } from './testing/vmdk.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vmdk-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function decode(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const { size, pieces } = await vmdkStream(input);
  const disk = Buffer.alloc(size);
  for await (const { offset, length, read } of pieces()) await read(disk.subarray(offset, offset + length));
  return disk;
}
const decodeBytes = (...parts: Buffer[]) => decode(chunks(Buffer.concat(parts)));

/** As qemu-img writes one. It leaves out the marker of the end, which every stream has. */
function byQemu(bytes: Buffer): string {
  writeFileSync(join(dir, 'raw'), bytes);
  const vmdk = join(dir, 'disk.vmdk');
  const how = ['-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', join(dir, 'raw'), vmdk];
  execFileSync('qemu-img', ['convert', ...how]);
  writeFileSync(vmdk, marker('end'), { flag: 'a' });
  return vmdk;
}

test.each([
  ['all random', randomBytes(3 * mib)],
  ['all zeros', Buffer.alloc(2 * mib)],
  ['data and holes', Buffer.concat([patterned(9 * mib, 1), Buffer.alloc(40 * mib), patterned(5 * mib, 2)])],
  ['an odd end', Buffer.concat([patterned(2 * mib, 3), randomBytes(512 * 7)])],
])('vmdk - a file of qemu-img gives the same bytes: %s', async (_, bytes) => {
  expect((await decode(createReadStream(byQemu(bytes)))).equals(bytes)).toBe(true);
});

test('vmdk - chunks of any size give the same bytes', async () => {
  const bytes = Buffer.concat([patterned(mib, 4), Buffer.alloc(3 * mib), randomBytes(mib)]);
  const file = readFileSync(byQemu(bytes));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 8 }), async (sizes) => {
      expect((await decode(chunks(file, sizes))).equals(bytes)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('vmdk - an export with its tables behind the grains; the last grain padded, or short', async () => {
  const a = randomBytes(grainBytes);
  const b = randomBytes(512 * 5);
  const sectors = 256 + 5;
  for (const last of [b, Buffer.concat([b, Buffer.alloc(grainBytes - b.length)])]) {
    const disk = await decodeBytes(
      ...[header({ sectors, overhead: 3 }), Buffer.alloc(1024, 'd')],
      ...[grain(0, a), marker('table', 4), grain(2 * grainBytes, last), marker('table', 4), tail()],
    );
    expect(disk.equals(Buffer.concat([a, Buffer.alloc(grainBytes), b]))).toBe(true);
  }
});

test('vmdk - cut off anywhere, it is told', async () => {
  const file = Buffer.concat([header(), grain(0, randomBytes(grainBytes)), grain(grainBytes, randomBytes(9)), tail()]);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: file.length - 1 }), async (length) => {
      await expect(decode(chunks(file.subarray(0, length)))).rejects.toMatchObject({ code: 'transfer.read' });
    }),
    { numRuns: 60 },
  );
});

const headers: [string, HeaderFields, RegExp][] = [
  ['no VMDK', { magic: 'OVA\0' }, /begins with something else/],
  ['one that is not compressed', { flags: 1 }, /flags 1/],
  ['another compression', { compression: 0 }, /compression 0/],
  ['no size', { sectors: 0 }, /a disk of 0 bytes/],
  ['63 TiB', { sectors: 63 * 2 ** 31 }, /a disk of/],
  ['a size of 64 bits', { sectors: 2n ** 64n - 1n }, /a disk of/],
  ['grains of no size', { grainSectors: 0 }, /grains of 0 bytes/],
  ['grains of 4 KiB', { grainSectors: 8 }, /grains of 4096 bytes/],
  ['grains of 2 GiB', { grainSectors: 2 ** 22 }, /grains of/],
  ['tables of any size', { tableGrains: 2 ** 31 }, /tables of/],
  ['grains that begin nowhere', { overhead: 2 ** 40 }, /before the first grain/],
  ['grains that begin in the header', { overhead: 0 }, /before the first grain/],
];
test.each(headers)('vmdk - a header with %s is refused, and not tried again', async (_, fields, message) => {
  const error = await decodeBytes(header(fields), tail()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'transfer.read', retry: false, message: expect.stringMatching(message) });
});

const data = randomBytes(grainBytes);
const streams: [string, Buffer[], RegExp][] = [
  ['a grain beyond the end', [grain(2 ** 20, data)], /a grain at 1048576 of 1048576/],
  ['a grain at no number', [grain(2 ** 53, data)], /has a grain at/],
  ['a grain between two places', [grain(512, data)], /a grain at 512/],
  ['the same grain twice', [grain(0, data), grain(0, data)], /a grain at 0, after one that ends at 65536/],
  ['a grain of before', [grain(2 * grainBytes, data), grain(0, data)], /after one that ends/],
  ['a grain of 4 GiB, packed', [grain(0, data, 2 ** 32 - 1)], /a grain of 4294967295 bytes, packed/],
  ['a grain that swells', [grain(0, Buffer.alloc(64 * mib))], /cannot be unpacked: ERR_BUFFER_TOO_LARGE/],
  ['a grain that is too short', [grain(0, data.subarray(0, 512))], /a grain of 512 bytes at 0/],
  ['a grain of rubbish', [grain(0, data).fill(7, 12)], /cannot be unpacked: Z_DATA_ERROR/],
  ['half a grain', [grain(0, data, 100)], /cannot be unpacked: Z_BUF_ERROR/],
  ['a marker that nobody knows', [marker(9, 1)], /a marker of kind 9/],
  ['a table of 2^50 bytes', [marker('table', 2 ** 41)], /more tables than/],
  ['tables for ever', Array.from({ length: 100 }, () => marker('table')), /more tables than/],
  ['an end without a footer', [grain(0, data), marker('end')], /without its footer/],
];
test.each(streams)('vmdk - %s is told as such', async (_, parts, message) => {
  const error = await decodeBytes(header(), ...parts, tail()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'transfer.read', message: expect.stringMatching(message) });
});

test('vmdk - whatever comes, it is decoded or refused, and its source is closed', async () => {
  const part = fc.oneof(
    fc.constantFrom(header(), grain(0, data), grain(grainBytes, data), marker('table', 4), tail()),
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
      let closed = false;
      async function* input() {
        try {
          yield* parts;
        } finally {
          closed = true;
        }
      }
      const size = await decode(input()).then(
        (disk) => disk.length,
        (error: { code: string }) => error.code,
      );
      expect([1024 * 1024, 'transfer.read']).toContain(size);
      expect(closed).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('vmdk - no more is taken of the input than what is asked for', async () => {
  const file = Buffer.concat([header(), ...Array.from({ length: 16 }, (_, i) => grain(i * grainBytes, data)), tail()]);
  let given = 0;
  async function* input() {
    for await (const chunk of chunks(file, [4096])) {
      given += chunk.length;
      yield chunk;
    }
  }
  const { pieces } = await vmdkStream(input());
  const stream = pieces()[Symbol.asyncIterator]();
  for (let i = 1; i <= 3; i++) {
    await stream.next();
    expect(given).toBeLessThanOrEqual(512 + i * grain(0, data).length + 4096);
  }
  await stream.return?.();
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BlockSource, copy, Disk, Ledger, markDiverged, prove } from './index.ts';

const mib = 1024 * 1024;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'blocks-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Data in places, holes elsewhere; dies after so many reads, when told. */
class Memory implements BlockSource {
  readonly bytes: Buffer;
  reads = 0;
  readonly #dieAt: number;
  constructor(bytes: Buffer, dieAt = Number.POSITIVE_INFINITY) {
    this.bytes = bytes;
    this.#dieAt = dieAt;
  }
  get size() {
    return this.bytes.length;
  }
  async read(offset: number, length: number) {
    if (++this.reads > this.#dieAt) throw new Error('the source is gone');
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }
  async extents(offset: number, length: number) {
    const found = [];
    for (let at = offset; at < offset + length; at += mib) {
      const part = this.bytes.subarray(at, Math.min(at + mib, offset + length));
      found.push({ offset: at, length: part.length, zero: part.every((byte) => byte === 0) });
    }
    return found;
  }
}

function patterned(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += mib / 2)
    if ((Math.floor(at / mib / 2) + seed) % 3 !== 0) bytes.fill(`${seed}-${at};`, at, Math.min(size, at + 200_000));
  return bytes;
}

const binding = (size: number) => ({ vm: 'vm-1', disk: 0, key: 2000, file: '[ds] a/a.vmdk', sizeBytes: size, pass: 1 });

async function pass(source: Memory, zeroed = true) {
  const ledger = await Ledger.open(dir, binding(source.size));
  const path = join(dir, 'disk.img');
  const disk = zeroed ? await Disk.file(path, source.size, ledger.head.doneBytes) : await Disk.device(path);
  try {
    return await copy({ source, disk, ledger, sizeBytes: source.size, zeroed });
  } finally {
    await Promise.all([disk.close(), ledger.close()]);
  }
}

async function proof(size: number) {
  const ledger = await Ledger.open(dir, binding(size));
  const disk = await Disk.file(join(dir, 'disk.img'), size, size);
  return prove({ disk, ledger, sizeBytes: size }).finally(() => Promise.all([disk.close(), ledger.close()]));
}

test('copy - the target equals the source, and the proof says so with the same root', async () => {
  const source = new Memory(patterned(9 * mib + 512, 1));
  const { root, readBytes } = await pass(source);
  expect(readFileSync(join(dir, 'disk.img')).equals(source.bytes)).toBe(true);
  expect(readBytes).toBeLessThan(source.size);
  expect(await proof(source.size)).toMatchObject({ root });
});

test('copy - ended anywhere and begun again, it gives the same bytes and the same root', async () => {
  const whole = await pass(new Memory(patterned(100 * mib, 2)));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 3 }), async (deaths) => {
      rmSync(join(dir, 'disk-0.ledger'), { force: true });
      const bytes = patterned(100 * mib, 2);
      for (const dieAt of deaths) await pass(new Memory(bytes, dieAt)).catch(() => {});
      const last = new Memory(bytes);
      const { root } = await pass(last);
      expect(root).toBe(whole.root);
      expect(readFileSync(join(dir, 'disk.img')).equals(bytes)).toBe(true);
    }),
    { numRuns: 6 },
  );
});

test('copy - what the ledger holds is not read again', async () => {
  const bytes = patterned(200 * mib, 3);
  const first = new Memory(bytes, 55);
  await expect(pass(first)).rejects.toThrow('the source is gone');
  const second = new Memory(bytes);
  await pass(second);
  const whole = new Memory(bytes);
  rmSync(join(dir, 'disk-0.ledger'));
  await pass(whole);
  expect(second.reads).toBeLessThan(whole.reads - 15);
  expect(second.reads + 55 - whole.reads).toBeLessThanOrEqual(32); // 64 MiB of requests
});

test('copy - a target that is not zero gets its zeros', async () => {
  const source = new Memory(patterned(9 * mib, 4));
  writeFileSync(join(dir, 'disk.img'), Buffer.alloc(source.size, 0xaa));
  await pass(source, false);
  expect(readFileSync(join(dir, 'disk.img')).equals(source.bytes)).toBe(true);
});

test('proof - one changed byte is found, with its leaf', async () => {
  const source = new Memory(patterned(9 * mib, 5));
  await pass(source);
  const bytes = readFileSync(join(dir, 'disk.img'));
  bytes[5 * mib + 70_000]! ^= 1;
  writeFileSync(join(dir, 'disk.img'), bytes);
  await expect(proof(source.size)).rejects.toMatchObject({
    code: 'transfer.proof',
    detail: expect.stringContaining(`differs at ${5 * mib + 65_536}`),
  });
});

test('ledger - a torn head, another disk’s, or a diverged disk is never resumed', async () => {
  const source = new Memory(patterned(2 * mib, 6));
  await pass(source);
  const at = async (file: string) => {
    const ledger = await Ledger.open(dir, { ...binding(source.size), file });
    await ledger.close();
    return ledger.head.doneBytes;
  };
  const file = join(dir, 'disk-0.ledger');
  const good = readFileSync(file, 'utf8');
  expect(await at('[ds] a/a.vmdk')).toBe(source.size);
  expect(await at('[ds] other/b.vmdk')).toBe(0);
  writeFileSync(file, good.replace('"doneBytes":', '"doneBytes":1'));
  expect(await at('[ds] a/a.vmdk')).toBe(0);
  writeFileSync(file, good);
  await markDiverged(dir, 0);
  expect(await at('[ds] a/a.vmdk')).toBe(0);
});

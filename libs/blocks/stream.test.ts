import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Via } from '@tranship/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Disk, Ledger, markDiverged, type PassRequest, runPass, type StreamSource } from './index.ts';
import { leafBytes } from './leaves.ts';
import { MemorySource, mib, patterned } from './testing/source.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'blocks-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bytes = Buffer.concat([patterned(24 * mib, 1), Buffer.alloc(70 * mib), patterned(20 * mib + 512, 2)]);
const first: PassRequest = { pass: 1, how: 'full' };
const via: Via = { method: 'nfc', why: 'the provider says so' };

/** What is not zeros, leaf by leaf; ends in the middle when told to. */
class MemoryStream implements StreamSource {
  readonly via = via;
  readonly size = bytes.length;
  /** Offsets of what was read, not only passed by. */
  readonly reads: number[] = [];
  readonly #dieAt: number;

  constructor(dieAt = Number.POSITIVE_INFINITY) {
    this.#dieAt = dieAt;
  }
  async *pieces() {
    for (const { offset, length, zero } of await new MemorySource(bytes).extents(0, bytes.length)) {
      if (zero) continue;
      if (offset >= this.#dieAt) throw new Error('the stream is cut');
      const read = async (target: Buffer) => {
        this.reads.push(offset);
        bytes.copy(target, 0, offset, offset + length);
      };
      yield { offset, length, read };
    }
  }
}

async function pass(source: MemorySource | MemoryStream, request = first) {
  const sizeBytes = bytes.length;
  const ledger = await Ledger.open(dir, { vm: 'vm-1', disk: 0, key: 2000, sizeBytes });
  const sink = await Disk.file(join(dir, 'disk.img'), sizeBytes);
  const begun: (Via | undefined)[] = [];
  const open = async (how?: Via) => {
    begun.push(how);
    return source;
  };
  try {
    const tuning = { riskBytes: 8 * mib, memoryBytes: 4 * mib, requestBytes: mib / 2 };
    return { ...(await runPass({ source: open, sink, ledger, sizeBytes, request, tuning })), begun };
  } finally {
    await Promise.all([sink.close(), ledger.close()]);
  }
}
const same = () => readFileSync(join(dir, 'disk.img')).equals(bytes);

test('stream - a full pass gives the bytes and the root that a reading by offset gives', async () => {
  const { root } = await pass(new MemorySource(bytes));
  for (const name of ['disk-0.ledger', 'disk-0.pass', 'disk.img']) rmSync(join(dir, name));
  const source = new MemoryStream();
  const streamed = await pass(source);
  expect(streamed).toMatchObject({ root, how: 'full', via, begun: [undefined] });
  expect(streamed.readBytes).toBe(source.reads.reduce((sum, at) => sum + Math.min(leafBytes, bytes.length - at), 0));
  expect(same()).toBe(true);
});

test('stream - cut in the middle, the next one lets go by what the ledger holds, and is told how it was read', async () => {
  await expect(pass(new MemoryStream(100 * mib))).rejects.toThrow('the stream is cut');
  const source = new MemoryStream();
  const { resumedBytes, begun } = await pass(source);
  expect(resumedBytes).toBeGreaterThan(24 * mib);
  expect(begun).toEqual([via]);
  expect(Math.min(...source.reads)).toBeGreaterThanOrEqual(resumedBytes);
  expect(same()).toBe(true);
  expect(await pass(new MemoryStream())).toMatchObject({ via, begun: [], resumedBytes: bytes.length });
});

test('stream - a disk that was changed by somebody else is compared with it: what differs is written, holes too', async () => {
  await pass(new MemoryStream());
  await markDiverged(dir, 0);
  const changed = Buffer.from(bytes);
  for (const leaf of [5, 700, 1700]) changed.fill(0xee, leaf * leafBytes, leaf * leafBytes + 100);
  writeFileSync(join(dir, 'disk.img'), changed);
  const done = await pass(new MemoryStream(), { pass: 2, how: 'compare' });
  expect(done).toMatchObject({ how: 'compare', writtenBytes: 3 * leafBytes });
  expect(same()).toBe(true);
});

test('stream - it has no changed areas: a delta is refused', async () => {
  await pass(new MemoryStream());
  await expect(pass(new MemoryStream(), { pass: 2, how: 'delta', changeId: 'u/2' })).rejects.toMatchObject({
    code: 'transfer.open',
    retry: false,
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { crc32, markDiverged, type PassRequest, type Range, Root, reread, summingOf, unheard } from './index.ts';
import { leafBytes } from './leaves.ts';
import { Copy } from './testing/copy.ts';
import { MemorySource, mib, patterned } from './testing/source.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kept-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const first: PassRequest = { pass: 1, how: 'full', changeId: 'u/1' };
const second: PassRequest = { pass: 2, how: 'delta', changeId: 'u/2' };
const bytes = patterned(12 * mib + 700, 1);
const ranges = (leaves: readonly number[]): Range[] => leaves.map((leaf) => [leaf * leafBytes + 512, 4096]);

function changed(leaves: readonly number[]): MemorySource {
  const next = Buffer.from(bytes);
  for (const leaf of leaves) next.fill(`9+${leaf}`, leaf * leafBytes, (leaf + 1) * leafBytes);
  return new MemorySource(next);
}
const loseScratch = () => {
  for (const kind of ['ledger', 'leaves', 'pass', 'diverged']) rmSync(join(dir, `disk-0.${kind}`), { force: true });
};
function spoil(copy: Copy, leaves: readonly number[]) {
  const target = readFileSync(copy.image);
  for (const leaf of leaves) target.fill(0xee, leaf * leafBytes + 9, leaf * leafBytes + 99);
  writeFileSync(copy.image, target);
}
const rootOf = (data: Buffer, summing = crc32) => {
  const root = new Root(data.length, summing);
  root.add(summing.sum(data));
  return root.hex();
};

describe('kept elsewhere', () => {
  test('kept - a lost scratch volume costs a look at the target: the next pass is a delta, of what is listed alone', async () => {
    const copy = new Copy(dir, bytes.length);
    await copy.pass(new MemorySource(bytes), first);
    await copy.prove(1);
    const kept = await copy.keep();
    loseScratch();
    const source = changed([3, 100]);
    const done = await copy.pass(source, second, { ranges: ranges([3, 100]) }, kept);
    expect(done).toMatchObject({ how: 'delta', readBytes: 2 * leafBytes, writtenBytes: 2 * leafBytes });
    expect(source.readBytes).toBe(2 * leafBytes);
    expect(readFileSync(copy.image).equals(source.bytes)).toBe(true);
    // The proofs before came back with it: what the pass wrote is read back, and no more.
    expect(await copy.prove(2)).toEqual({ root: done.root, leaves: 2 });
  });

  test('kept - what a pass that was lost with the volume had written is written again, be it listed or not', async () => {
    const copy = new Copy(dir, bytes.length);
    await copy.pass(new MemorySource(bytes), first);
    await copy.prove(1);
    const kept = await copy.keep();
    spoil(copy, [7, 8, 150]);
    loseScratch();
    const source = changed([3]);
    expect(await copy.pass(source, second, { ranges: ranges([3]) }, kept)).toMatchObject({
      how: 'delta',
      writtenBytes: 4 * leafBytes,
    });
    expect(readFileSync(copy.image).equals(source.bytes)).toBe(true);
    await copy.prove(2);
  });

  test('kept - begun and cut off, the pass goes on from its own ledger', async () => {
    const copy = new Copy(dir, bytes.length);
    await copy.pass(new MemorySource(bytes), first);
    await copy.prove(1);
    const kept = await copy.keep();
    spoil(copy, [7]);
    loseScratch();
    const { bytes: next } = changed([3, 90]);
    const tuning = { requestBytes: leafBytes, riskBytes: leafBytes };
    await expect(
      copy.pass(new MemorySource(next, 1), second, { ranges: ranges([3, 90]), tuning }, kept),
    ).rejects.toThrow('the source is gone');
    const source = new MemorySource(next);
    expect(await copy.pass(source, second, { ranges: ranges([3, 90]) })).toMatchObject({ how: 'delta' });
    expect(readFileSync(copy.image).equals(next)).toBe(true);
    expect((await copy.prove(2)).leaves).toBe(3);
  });

  test('kept - leaves that are not their root’s are not believed: the disk is compared', async () => {
    const copy = new Copy(dir, bytes.length);
    await copy.pass(new MemorySource(bytes), first);
    await copy.prove(1);
    const kept = await copy.keep();
    loseScratch();
    async function* pages() {
      yield crc32.sum(changed([5]).bytes);
    }
    const source = changed([3]);
    const done = await copy.pass(source, second, { ranges: ranges([3]) }, { ...kept, pages: pages() });
    expect(done).toMatchObject({ how: 'compare', writtenBytes: leafBytes });
    expect(readFileSync(copy.image).equals(source.bytes)).toBe(true);
  });
});

describe('binding', () => {
  const claim = { uid: 'a3c1', volume: 'pv-1' };
  test.each([
    ['a claim made anew', { uid: 'b7', volume: 'pv-1' }, 'claim a3c1 instead of b7'],
    ['another volume behind it', { uid: 'a3c1', volume: 'pv-2' }, 'volume pv-1 instead of pv-2'],
  ])(
    'binding - of %s the ledger says nothing: it says whose it is, and the target is looked at',
    async (_, other, why) => {
      await new Copy(dir, bytes.length, { claim }).pass(new MemorySource(bytes), first);
      const copy = new Copy(dir, bytes.length, { claim: other });
      expect(await copy.with(async ({ strange, head }) => ({ strange, head }))).toEqual({
        strange: why,
        head: undefined,
      });
      await expect(copy.prove(1)).rejects.toMatchObject({
        code: 'transfer.ledger',
        detail: expect.stringContaining(why),
      });
      spoil(copy, [4]);
      const source = changed([3]);
      expect(await copy.pass(source, second, { ranges: ranges([3]) })).toMatchObject({
        how: 'compare',
        writtenBytes: 2 * leafBytes,
      });
      expect(readFileSync(copy.image).equals(source.bytes)).toBe(true);
      expect(await copy.with(async ({ strange }) => strange)).toBeUndefined();
    },
  );
});

describe('grades', () => {
  test('sha256 - every leaf has its own SHA-256, in all passes; zeros have none', async () => {
    const copy = new Copy(dir, bytes.length, { sums: 'sha256' });
    const sha = summingOf('sha256');
    expect((await copy.pass(new MemorySource(bytes), first)).root).toBe(rootOf(bytes, sha));
    expect((await copy.prove(1)).leaves).toBe(193);
    const source = changed([3, 100]);
    source.bytes.fill(0, 20 * leafBytes, 30 * leafBytes);
    const listed = [3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 100];
    const done = await copy.pass(source, second, { ranges: ranges(listed), audit: 1 });
    expect(done).toMatchObject({ how: 'delta', liedLeaves: 0, root: rootOf(source.bytes, sha) });
    expect(await copy.prove(2)).toEqual({ root: done.root, leaves: 12 });
    expect(
      readFileSync(join(dir, 'disk-0.leaves'))
        .subarray(20 * 32, 30 * 32)
        .every((byte) => byte === 0),
    ).toBe(true);
    spoil(copy, [9]);
    await markDiverged(dir, 0);
    const again = await copy.pass(source, { pass: 3, how: 'compare' });
    expect(again).toMatchObject({ writtenBytes: leafBytes, root: done.root });
    expect(readFileSync(copy.image).equals(source.bytes)).toBe(true);
  });

  test('sha256 - a ledger of other sums is another’s', async () => {
    await new Copy(dir, bytes.length).pass(new MemorySource(bytes), first);
    const copy = new Copy(dir, bytes.length, { sums: 'sha256' });
    const strange = await copy.with(async (ledger) => ledger.strange);
    expect(strange).toBe('sums crc32 instead of sha256');
    expect(await copy.pass(new MemorySource(bytes), first)).toMatchObject({ how: 'compare', writtenBytes: 0 });
  });

  test('full - the one leaf that a list left out is found when the source is read once more; nothing else is', async () => {
    const copy = new Copy(dir, bytes.length, { sums: 'sha256' });
    await copy.pass(new MemorySource(bytes), first);
    const source = changed([3, 77]);
    await copy.pass(source, second, { ranges: ranges([3]) });
    const sizeBytes = bytes.length;
    const again = () => copy.with((ledger) => reread(source, { ledger, sizeBytes }));
    expect(await again()).toEqual({ leaves: 193, different: 1 });
    source.lengths.length = 0;
    expect(await again()).toEqual({ leaves: 193, different: 1 });
    expect(source.lengths).toEqual([]);
    await copy.pass(source, { ...second, how: 'compare' });
    expect(await again()).toEqual({ leaves: 193, different: 0 });
    // A hole where there was data, and data where there was a hole.
    source.bytes.fill(0, 3 * leafBytes, 4 * leafBytes);
    await copy.pass(source, { pass: 3, how: 'delta', changeId: 'u/3' }, { ranges: [] });
    expect(await again()).toEqual({ leaves: 193, different: 1 });
  });

  test('full - data that the source calls a hole is found too, and copied when it is not listened to', async () => {
    const copy = new Copy(dir, bytes.length, { sums: 'sha256' });
    const source = new MemorySource(bytes);
    const told = source.extents.bind(source);
    const hidden = ({ offset }: { offset: number }) => offset >= mib / 2 && offset < mib;
    source.extents = async (...window) =>
      (await told(...window)).map((area) => (hidden(area) ? { ...area, zero: true } : area));
    await copy.pass(source, first);
    const sizeBytes = bytes.length;
    const again = () => copy.with((ledger) => reread(source, { ledger, sizeBytes }));
    expect(await again()).toEqual({ leaves: 193, different: 4 });
    const done = await copy.pass(unheard(source) as MemorySource, { pass: 2, how: 'compare' });
    expect(done).toMatchObject({ writtenBytes: 4 * leafBytes });
    expect(readFileSync(copy.image).equals(bytes)).toBe(true);
    expect(await again()).toEqual({ leaves: 193, different: 0 });
  });
});

test('converted - the root of a disk that was changed in places is had by reading those alone', async () => {
  const copy = new Copy(dir, bytes.length);
  await copy.pass(new MemorySource(bytes), first);
  spoil(copy, [0, 7, 192]);
  const read: number[] = [];
  const after = await copy.with((ledger, sink) =>
    ledger.rootAfter(
      [
        [9, 90],
        [7 * leafBytes, 10],
        [192 * leafBytes, 500],
      ],
      (offset, target) => {
        read.push(offset);
        return sink.read(offset, target);
      },
    ),
  );
  expect(after).toEqual({ root: rootOf(readFileSync(copy.image)), leaves: 3 });
  expect(read).toEqual([0, 7 * leafBytes, 192 * leafBytes]);
  expect(await copy.with((ledger) => ledger.root())).toBe(rootOf(bytes));
});

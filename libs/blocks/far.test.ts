import { mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BlockSource, Disk, Ledger, type PassRequest, type Range, runPass } from './index.ts';
import { leafBytes } from './leaves.ts';

const gib = 1024 ** 3;
const sizeBytes = 300 * gib;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'blocks-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A large disk of holes, but for leaves that tell their place and a moment. */
class SparseSource implements BlockSource {
  readonly size = sizeBytes;
  readonly reads: number[] = [];
  readonly #places: ReadonlyMap<number, string>;
  readonly #dieAt: number;

  constructor(places: readonly number[], moment: string, dieAt = Number.POSITIVE_INFINITY) {
    this.#places = new Map(places.map((at) => [at, `${moment} ${at};`]));
    this.#dieAt = dieAt;
  }
  async read(offset: number, target: Buffer) {
    if (this.reads.push(offset) > this.#dieAt) throw new Error('the source is gone');
    target.fill(0);
    for (const [at, text] of this.#places)
      if (at >= offset && at < offset + target.length) target.fill(text, at - offset, at - offset + leafBytes);
  }
  async extents(offset: number, length: number) {
    const found = [];
    let end = offset;
    for (const at of [...this.#places.keys()].filter((each) => each >= offset && each < offset + length)) {
      if (at > end) found.push({ offset: end, length: at - end, zero: true });
      found.push({ offset: at, length: leafBytes, zero: false });
      end = at + leafBytes;
    }
    if (end < offset + length) found.push({ offset: end, length: offset + length - end, zero: true });
    return found;
  }
}

async function pass(source: BlockSource, request: PassRequest, ranges: Range[] = []) {
  const ledger = await Ledger.open(dir, { vm: 'vm-1', disk: 0, key: 2000, sizeBytes });
  const sink = await Disk.file(join(dir, 'disk.img'), sizeBytes);
  try {
    return await runPass({ source: async () => source, sink, ledger, sizeBytes, request, ranges });
  } finally {
    await Promise.all([sink.close(), ledger.close()]);
  }
}

function heldAt(offset: number): string {
  const held = Buffer.alloc(leafBytes);
  readSync(openSync(join(dir, 'disk.img'), 'r'), held, 0, leafBytes, offset);
  return held.toString().split(';')[0]!;
}

const first: PassRequest = { pass: 1, how: 'full' };
const second: PassRequest = { pass: 2, how: 'delta', changeId: 'u/2' };
const places = [100 * gib, 170 * gib, sizeBytes - leafBytes];
const ranges = places.map((at): Range => [at, leafBytes]);

test('far - areas of a delta that lie further apart than the ledger looks ahead', async () => {
  await pass(new SparseSource(places.slice(0, 1), 'one'), first);
  const source = new SparseSource(places, 'two');
  const done = await pass(source, second, ranges);
  expect(done).toMatchObject({ how: 'delta', readBytes: 3 * leafBytes, writtenBytes: 3 * leafBytes });
  expect(places.map(heldAt)).toEqual(places.map((at) => `two ${at}`));
});

test('far - a delta that was given up costs the next one its areas, not all between them', async () => {
  await pass(new SparseSource(places.slice(0, 1), 'one'), first);
  await expect(pass(new SparseSource(places, 'two', 1), second, ranges)).rejects.toThrow('the source is gone');
  const source = new SparseSource(places, 'three');
  await pass(source, { ...second, changeId: 'u/3' }, ranges.slice(2));
  expect(source.reads).toEqual(places);
  expect(places.map(heldAt)).toEqual(places.map((at) => `three ${at}`));
});

test('far - leaves on both sides of a page of the ledger are each kept at their place', async () => {
  const around = [-2, -1, 0, 1].map((leaf) => 4 * gib + leaf * leafBytes);
  await pass(new SparseSource(places, 'one'), first);
  const source = new SparseSource([...around, ...places], 'two');
  await pass(source, second, [[around[0]!, around.length * leafBytes], ...ranges]);
  // By its ledger alone all of it is as the source has it.
  const compared = await pass(source, { pass: 3, how: 'compare', changeId: 'u/3' });
  expect(compared).toMatchObject({ how: 'compare', readBytes: 7 * leafBytes, writtenBytes: 0 });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PassRequest, Range } from './index.ts';
import { leafBytes } from './leaves.ts';
import { Copy } from './testing/copy.ts';
import { MemorySource, mib, patterned } from './testing/source.ts';

let dir: string;
let copy: Copy;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'since-'));
  copy = new Copy(dir, bytes.length);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bytes = patterned(12 * mib + 700, 1);
/** The disk at its moments: at the second leaf 3 is another, at the third leaf 100 as well. */
const moments = [[], [3], [3, 100]].map((leaves) => {
  const moment = Buffer.from(bytes);
  for (const leaf of leaves) moment.fill(`9+${leaf}`, leaf * leafBytes, (leaf + 1) * leafBytes);
  return new MemorySource(moment);
});
const first: PassRequest = { pass: 1, how: 'full', changeId: 'u/1' };
const delta = (pass: number, since?: string): PassRequest => ({ pass, how: 'delta', changeId: `u/${pass}`, since });
const ranges = (leaf: number): { ranges: Range[] } => ({ ranges: [[leaf * leafBytes + 512, 4096]] });
const equals = ({ bytes: moment }: MemorySource) => readFileSync(copy.image).equals(moment);

test.each([['u/2'], [undefined]])(
  'since - asked since what the target holds (%s), the areas are believed',
  async (since) => {
    await copy.pass(moments[0]!, first);
    await copy.pass(moments[1]!, delta(2, 'u/1'), ranges(3));
    const done = await copy.pass(moments[2]!, delta(3, since), ranges(100));
    expect(done).toMatchObject({ how: 'delta', readBytes: leafBytes, writtenBytes: leafBytes });
    expect(equals(moments[2]!)).toBe(true);
  },
);

test('since - asked since a moment that the target never held, all is compared: what lies between is not lost', async () => {
  await copy.pass(moments[0]!, first);
  const done = await copy.pass(moments[2]!, delta(3, 'u/2'), ranges(100));
  expect(done).toMatchObject({ how: 'compare', writtenBytes: 2 * leafBytes });
  expect(equals(moments[2]!)).toBe(true);
  expect((await copy.prove(3)).root).toBe(done.root);
});

test('since - a comparison that began so goes on as one', async () => {
  await copy.pass(moments[0]!, first);
  const dying = new MemorySource(moments[2]!.bytes, 3);
  const tuning = { riskBytes: mib, requestBytes: mib / 2, memoryBytes: mib };
  await expect(copy.pass(dying, delta(3, 'u/2'), { ...ranges(100), tuning })).rejects.toThrow('the source is gone');
  expect(await copy.pass(moments[2]!, delta(3, 'u/2'), ranges(100))).toMatchObject({ how: 'compare' });
  expect(equals(moments[2]!)).toBe(true);
});

test('since - a ledger that is brought back is of an earlier pass than the areas: all is compared', async () => {
  await copy.pass(moments[0]!, first);
  await copy.prove(1);
  const kept = await copy.keep();
  await copy.pass(moments[1]!, delta(2, 'u/1'), ranges(3));
  for (const kind of ['ledger', 'leaves', 'pass']) rmSync(join(dir, `disk-0.${kind}`));
  const done = await copy.pass(moments[2]!, delta(3, 'u/2'), ranges(100), kept);
  expect(done.how).toBe('compare');
  expect(equals(moments[2]!)).toBe(true);
});

test('since - a target whose moment has no name is compared, whatever the areas are since', async () => {
  await copy.pass(moments[0]!, { pass: 1, how: 'full' });
  expect(await copy.pass(moments[2]!, delta(2, 'u/1'), ranges(100))).toMatchObject({ how: 'compare' });
  expect(equals(moments[2]!)).toBe(true);
});

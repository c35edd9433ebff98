import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, sampleOutside, widen } from './areas.ts';
import { Arena } from './arena.ts';
import { auditLeaves, countDifferent, sampleOf } from './audit.ts';
import { crc32, leafBytes } from './leaves.ts';
import { randomFrom } from './testing/source.ts';

test('audit - lies in one clean leaf of a hundred are found in at least 95 of 100 passes', async () => {
  const sizeBytes = 20_000 * leafBytes;
  const arena = new Arena(16 * leafBytes);
  const clean = crc32.sum(Buffer.alloc(leafBytes));
  let found = 0;
  for (let run = 1; run <= 100; run++) {
    const random = randomFrom(run * 7919);
    const lied = new Set(sampleOutside([], sizeBytes, 200, random));
    const offsets = sampleOutside([], sizeBytes, auditLeaves(0.001, sizeBytes), random);
    const read = async (offset: number, target: Buffer) => void target.fill(lied.has(offset) ? 1 : 0);
    if ((await countDifferent({ arena, sizeBytes, summing: crc32 }, offsets, read, () => clean)) > 0) found++;
  }
  expect(found).toBeGreaterThanOrEqual(95);
});

test('audit - a sample is of different leaves, in order, none of them in what changed; all of them when there are few', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(300 * leafBytes), fc.nat(9 * leafBytes)), { maxLength: 30 }),
      fc.nat(400),
      fc.integer({ min: 1 }),
      (listed, want, seed) => {
        const size = 290 * leafBytes - 1;
        const ranges = widen(listed, size);
        const sample = sampleOutside(ranges, size, want, randomFrom(seed));
        const clean = Array.from({ length: 290 }, (_, leaf) => leaf * leafBytes).filter((at) => !covers(ranges, at));
        expect(sample).toHaveLength(Math.min(want, clean.length));
        expect(sample).toEqual([...new Set(sample)].sort((a, b) => a - b));
        for (const offset of sample) expect(clean).toContain(offset);
      },
    ),
  );
});

test('audit - of sums that come by, a sample keeps as many as asked, each at its place', async () => {
  async function* all() {
    for (let i = 0; i < 100; i++) {
      const sums = Buffer.alloc(40);
      for (let leaf = 0; leaf < 10; leaf++) sums.writeUInt32LE(i * 10 + leaf, leaf * 4);
      yield { offset: i * 10 * leafBytes, sums };
    }
  }
  const sample = await sampleOf(all(), 4, 64, randomFrom(5));
  expect(sample.size).toBe(64);
  for (const [offset, sum] of sample) expect(sum.readUInt32LE()).toBe(offset / leafBytes);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Extent, maxExtents, Told } from './extents.ts';

const kib = 1024;
const tell = (parts: readonly (readonly [number, boolean])[], length = parts.reduce((sum, [n]) => sum + n, 0)) => {
  const told = new Told(0, length);
  for (const part of parts) told.add(...part);
  return told;
};
const shape = (extents: readonly Extent[]) => extents.map(({ length, zero }) => [length, zero]);
/** In order, without gaps, and no two of one kind beside each other. */
const covers = (extents: readonly Extent[], length: number) => {
  let at = 0;
  for (const [i, each] of extents.entries()) {
    expect(each.offset).toBe(at);
    expect(each.zero).not.toBe(extents[i - 1]?.zero);
    at += each.length;
  }
  expect(at).toBe(length);
};

test('extents - zeros shorter than a leaf are data, where data follows them', () => {
  const parts = [4, 63, 4, 64, 4, 3].map((size, i) => [size * kib, i % 2 === 1] as const);
  expect(shape(tell(parts).extents)).toEqual([
    [71 * kib, false],
    [64 * kib, true],
    [4 * kib, false],
    [3 * kib, true],
  ]);
  expect(
    shape(
      tell([
        [512, true],
        [512, false],
      ] as const).extents,
    ),
  ).toEqual([[1024, false]]);
  expect(shape(tell([[3, true]]).extents)).toEqual([[3, true]]);
});

test('extents - the rest of a block of which a part was told is data', () => {
  const told = new Told(0, 12_288);
  told.add(5000, true);
  told.round(4096);
  expect(told.at).toBe(8192);
  told.round(4096);
  told.add(9999, true);
  expect([told.at, shape(told.extents)]).toEqual([
    12_288,
    [
      [8192, false],
      [4096, true],
    ],
  ]);
});

test('extents - whatever is told, what was called data is data, and long zeros stay zeros', () => {
  const part = fc.tuple(
    fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 200 * kib })),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 60 }), (parts) => {
      const told = tell(parts);
      covers(told.extents, told.at);
      let at = 0;
      for (const [length, zero] of parts) {
        for (const each of told.extents) {
          const meets = each.offset < at + length && each.offset + each.length > at;
          if (meets && !zero) expect(each.zero).toBe(false);
          if (meets && zero && length >= 64 * kib) expect(each.zero).toBe(true);
        }
        at += length;
      }
    }),
  );
});

test('extents - more than are kept become coarser, and no data is lost', () => {
  const count = 5 * maxExtents;
  const told = new Told(0, count * 64 * kib);
  for (let i = 0; i < count; i++) {
    // One hole is far longer than all others.
    const zero = i % 2 === 1 || (i >= 1000 && i < 2000);
    told.add(64 * kib, zero);
  }
  expect(told.extents.length).toBeLessThanOrEqual(maxExtents);
  covers(told.extents, count * 64 * kib);
  expect(told.extents.find(({ zero }) => zero)).toEqual({
    offset: 999 * 64 * kib,
    length: 1001 * 64 * kib,
    zero: true,
  });
});

test('extents - of less than a sector each there are more than a disk can have', () => {
  const told = new Told(0, 1024 * kib);
  const tiny = () => {
    for (let i = 0; i < 1024 * kib; i++) told.add(1, i % 2 === 0);
  };
  expect(tiny).toThrow('extents of less than 512 bytes');
  expect(told.at).toBe(64 * kib + 2048);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Area, coalesce, cut, plan, type Range, widen } from './areas.ts';
import { leafBytes } from './leaves.ts';
import { Pace } from './pace.ts';

const sector = 512;
/** Extents as a server tells them: in order, without gaps, in sectors. */
const extents = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.boolean()), { minLength: 1, maxLength: 40 })
  .map((parts) => {
    const all: Area[] = [];
    let offset = 0;
    for (const [sectors, zero] of parts) {
      all.push({ offset, length: sectors * sector, zero });
      offset += sectors * sector;
    }
    return { all, size: offset };
  });

test('areas - cover the window in whole leaves, and never call data zero', () => {
  fc.assert(
    fc.property(extents, ({ all, size }) => {
      const areas = plan(all, { offset: 0, length: size });
      let at = 0;
      for (const area of areas) {
        expect(area.offset).toBe(at);
        expect(area.offset % leafBytes).toBe(0);
        at += area.length;
      }
      expect(at).toBe(size);
      for (const data of all.filter((each) => !each.zero))
        for (const area of areas.filter((each) => each.zero))
          expect(data.offset + data.length <= area.offset || data.offset >= area.offset + area.length).toBe(true);
    }),
  );
});

test('areas - requests are whole leaves and no longer than asked', () => {
  const areas = plan([{ offset: 0, length: 5 * 1024 * 1024 + 512, zero: false }], {
    offset: 0,
    length: 8 * 1024 * 1024,
  });
  const requests = [...cut(areas, 2 * 1024 * 1024, 1024 ** 3)];
  expect(requests.map((each) => each.length / leafBytes)).toEqual([32, 32, 17, 47]);
  expect(requests.at(-1)!.zero).toBe(true);
});

test('areas - a small hole between data is read along, a large one is not', () => {
  const k = 1024;
  const of = (hole: number) =>
    plan(
      [
        { offset: 0, length: 64 * k, zero: false },
        { offset: 64 * k, length: hole, zero: true },
        { offset: 64 * k + hole, length: 64 * k, zero: false },
      ],
      { offset: 0, length: 128 * k + hole },
    ).length;
  expect(of(128 * k)).toBe(1);
  expect(of(1024 * k)).toBe(3);
});

const kib = 1024;
const leaves = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1 });

test('coalesce - all that is listed is asked for once, in order, in requests that are not too long', () => {
  fc.assert(
    fc.property(leaves, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 9 }), (listed, gap, most) => {
      const ranges = widen(
        listed.map((leaf): Range => [leaf * leafBytes, leafBytes]),
        201 * leafBytes,
      );
      const asked = [...coalesce(ranges, 0, most * leafBytes, () => gap * leafBytes)];
      const covered = asked.flatMap(({ offset, length }) =>
        Array.from({ length: length / leafBytes }, (_, i) => offset / leafBytes + i),
      );
      expect(covered).toEqual([...new Set(covered)].sort((a, b) => a - b));
      for (const leaf of listed) expect(covered).toContain(leaf);
      for (const { length } of asked) expect(length).toBeLessThanOrEqual(most * leafBytes);
      // Nothing else but gaps that are short enough.
      for (const [at, length] of widen(ranges, 201 * leafBytes, gap * leafBytes))
        for (let leaf = at / leafBytes; leaf < (at + length) / leafBytes; leaf++)
          covered.splice(covered.indexOf(leaf), covered.includes(leaf) ? 1 : 0);
      expect(covered).toEqual([]);
    }),
  );
});

test.each([
  ['nothing is known yet', [], 64 * kib],
  ['a quick answer: a request costs less than bytes', [[0, 0.1, 64 * kib]], 64 * kib],
  ['16 MiB in the 10 ms of an answer, over 64 in flight', [[0, 10, 16 * kib * kib]], 256 * kib],
  ['8 MiB in that time', [[0, 10, 8 * kib * kib]], 128 * kib],
] as [string, [number, number, number][], number][])('pace - %s', (_, answers, gap) => {
  const pace = new Pace();
  for (const answer of answers) pace.add(...answer);
  expect(pace.gap(64)).toBe(gap);
});

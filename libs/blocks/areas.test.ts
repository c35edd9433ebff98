import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Area, cut, plan } from './areas.ts';
import { leafBytes } from './leaves.ts';

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

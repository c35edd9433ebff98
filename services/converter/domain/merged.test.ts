import fc from 'fast-check';
import { expect, test } from 'vitest';
import { merged } from './merged.ts';

test('merged - the same bytes, each once, in order, and none that touch but where a place would be too long', () => {
  const place = fc.record({ offset: fc.integer({ min: 0, max: 300 }), length: fc.integer({ min: 0, max: 40 }) });
  fc.assert(
    fc.property(fc.array(place), (places) => {
      const bytes = (all: typeof places) =>
        all.flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));
      const found = merged(places);
      expect(bytes(found)).toEqual([...new Set(bytes(places))].sort((a, b) => a - b));
      for (const [i, { offset, length }] of found.slice(0, -1).entries())
        expect(found[i + 1]!.offset).toBeGreaterThan(offset + length);
    }),
  );
  const long = merged([{ offset: 0, length: 20 * 1024 ** 2 }]);
  expect(long.map(({ length }) => length / 1024 ** 2)).toEqual([8, 8, 4]);
});

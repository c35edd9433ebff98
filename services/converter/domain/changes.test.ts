import { expect, test } from 'vitest';
import { fitDiffs } from './changes.ts';

test('diffs - the longest give way until all fit; what changes is told all the same', () => {
  const change = (path: string, length: number) => ({ path, before: null, after: 'digest', diff: '+'.repeat(length) });
  const changes = [change('/a', 10), change('/b', 500), change('/c', 20), change('/d', 400)];
  const { length } = JSON.stringify(fitDiffs(changes, 100));
  expect(fitDiffs(changes, 100).map(({ path, diff }) => [path, diff?.length])).toEqual([
    ['/a', 10],
    ['/b', undefined],
    ['/c', 20],
    ['/d', undefined],
  ]);
  expect(length).toBeLessThan(JSON.stringify(changes).length);
  expect(fitDiffs(changes, 930)).toEqual(changes);
  expect(fitDiffs([{ path: '/x', before: 'a', after: 'b' }], 0)).toHaveLength(1);
});

import { createHash } from 'node:crypto';
import { sized } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { fit, fitDiffs, tell, tellDigests } from './changes.ts';

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

test('changes - made ones keep their digests where their texts give way; a link’s are over its target', () => {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const long = 'x\n'.repeat(2000);
  const told = [tell('/etc/long', undefined, Buffer.from(long)), tell('/etc/unit', 'a.service', '/dev/null')];
  expect(fit(told, 1000)).toEqual([
    { path: '/etc/long', before: null, after: sized({ size: 4000, sha256: digest(long) }), digests: expect.anything() },
    { path: '/etc/unit', before: 'a.service', after: '/dev/null', digests: expect.anything() },
  ]);
  expect(fit(told, 1000).map(({ digests }) => digests)).toEqual([
    { before: null, after: digest(long) },
    { before: digest('a.service'), after: digest('/dev/null') },
  ]);
});

test('changes - of two looks at a guest’s files: what is new, gone, and other; what stayed is not told', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  const told = tellDigests(
    new Map([
      ['/etc/gone', a],
      ['/etc/kept', a],
      ['/boot/other', a],
    ]),
    new Map([
      ['/etc/kept', a],
      ['/boot/other', b],
      ['/etc/new', b],
    ]),
  );
  expect(told.map(({ change }) => change)).toEqual([
    { path: '/boot/other', before: a, after: b },
    { path: '/etc/gone', before: a, after: null },
    { path: '/etc/new', before: null, after: b },
  ]);
  expect(told[0]).toMatchObject({ before: `sha256 ${a}`, after: `sha256 ${b}` });
});

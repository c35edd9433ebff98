import { expect, test } from 'vitest';
import { choose } from './toolchain.ts';

test.each([
  ['go1.26.8', 'as it is'],
  ['go1.26.0', 'as it is'],
  ['go2.0', 'as it is'],
  ['go1.25.9', 'fetch'],
  ['go1.21.0', 'fetch'],
  ['go1.19.8', 'install'],
  ['', 'install'],
  [undefined, 'install'],
])('Go - %s: %s', (version, what) => {
  expect(choose(version)).toBe(what);
});

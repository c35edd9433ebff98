import { expect, test } from 'vitest';
import { unifiedDiff } from './diff.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1));
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

test('diff - changes far apart are hunks of their own, each with its place in both texts', () => {
  const before = numbers(30);
  const after = before.flatMap((line) => (line === '2' ? ['2', 'new'] : line === '28' ? ['other'] : [line]));
  expect(unifiedDiff(text(before), text(after))?.split('\n')).toEqual([
    ...['@@ -1,5 +1,6 @@', ' 1', ' 2', '+new', ' 3', ' 4', ' 5'],
    ...['@@ -25,6 +26,6 @@', ' 25', ' 26', ' 27', '-28', '+other', ' 29', ' 30'],
  ]);
});

test('diff - changes that lie close share a hunk; a new file is all new; what is the same has none', () => {
  expect(unifiedDiff('a\nb\nc\nd\n', 'x\nb\nc\ny\n')).toBe('@@ -1,4 +1,4 @@\n-a\n+x\n b\n c\n-d\n+y');
  expect(unifiedDiff('', 'a\nb\n')).toBe('@@ -1,0 +1,2 @@\n+a\n+b');
  expect(unifiedDiff('a\n', 'a\n')).toBe('');
});

test('diff - texts that are too long to compare have none', () => {
  expect(unifiedDiff(text(numbers(5000)), text(numbers(5000).map((line) => `${line}x`)))).toBeUndefined();
});

import { expect, test } from 'vitest';
import { asLz4, isLz4ToItsEnd } from './lz4.ts';

const ends = (...parts: Buffer[]) => {
  const file = Buffer.concat(parts);
  return isLz4ToItsEnd((at, length) => file.subarray(at, at + length), 0, file.length);
};

test('lz4 - archives behind each other reach the end of the file; zeros, another packing or a cut do not', () => {
  const one = asLz4(Buffer.alloc(1000, 'x'));
  expect(ends(one)).toBe(true);
  expect(ends(one, one)).toBe(true);
  expect(ends(one, Buffer.alloc(4), one)).toBe(false);
  expect(ends(one, Buffer.alloc(1))).toBe(false);
  expect(ends(one, Buffer.from('1f8b0800', 'hex'), Buffer.alloc(100))).toBe(false);
  expect(ends(one.subarray(0, -1))).toBe(false);
});

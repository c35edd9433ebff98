import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

test('crc32c - the check value, not inverted', () => {
  expect((~crc32c(Buffer.from('123456789')) >>> 0).toString(16)).toBe('e3069283');
});

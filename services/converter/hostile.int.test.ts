import { expect, test } from 'vitest';
import { bounds, drive } from './testing/hostile/drive.ts';
import { kinds } from './testing/hostile/index.ts';

// `npm run bench -- hostile` runs a hundred thousand.
test('hostile - 2,000 disks, archives, hives, trees and texts: an answer to each in time, in little memory, and nothing out of its place', {
  timeout: 600_000,
}, async () => {
  const { inputs, failures, byKind, peakBytes } = await drive(1, 2000);
  expect(failures).toEqual([]);
  expect(inputs).toBe(2000);
  expect([...byKind.keys()].sort()).toEqual(Object.keys(kinds).sort());
  expect(peakBytes).toBeLessThan(bounds.bytes);
});

import { expect, test } from 'vitest';
import { Estimate, pace } from './estimate.ts';

test.each([
  [1, 2, 1],
  [2, 2, 1],
  [4, 2, 1 / 2],
  [4, 16, 1],
])('estimate - %i steps on %i cores', (steps, cores, each) => {
  expect(pace(steps, cores)).toBeCloseTo(each);
});

test('estimate - beside others a step takes longer, and less again once they have ended', () => {
  const estimate = new Estimate(60, 0);
  expect(estimate.left(0.5)).toBe(120);
  estimate.went(60_000, 0.5);
  expect(estimate.left(0.5)).toBe(60);
  expect(estimate.left(1)).toBe(30);
  estimate.went(90_000, 1);
  expect(estimate.left(1)).toBeUndefined();
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { good, plan, queued, run } from '../testing/course.ts';
import { shares } from './bandwidth.ts';
import { apply, type Course } from './course.ts';

/** A VM whose disks are copied. */
const copying = (vm: string, throttle?: number, provider = 'vc'): Course => {
  const own = { connection: { ...plan().connection, provider } };
  const { course } = run(queued(own), (step) => (step === 'copy' ? undefined : good(step)));
  return { ...course, vm, throttle };
};
const rates = (courses: Course[], mbps = 0) =>
  Object.fromEntries(shares(courses, () => mbps).map(({ vm, bytesPerSecond }) => [vm, bytesPerSecond]));

test('bandwidth - nothing is limited where nobody says so; only copies that run have a share', () => {
  expect(rates([copying('a'), queued()])).toEqual({ a: null });
  expect(rates([copying('a', 5), copying('b')])).toEqual({ a: 5_000_000, b: null });
});

test('bandwidth - a provider’s is dealt out evenly; what a throttled VM leaves goes to the others', () => {
  expect(rates([copying('a'), copying('b')], 100)).toEqual({ a: 50_000_000, b: 50_000_000 });
  expect(rates([copying('a', 10), copying('b'), copying('c')], 100)).toEqual({ a: 1e7, b: 45e6, c: 45e6 });
  expect(rates([copying('a', 80), copying('b')], 100)).toEqual({ a: 50_000_000, b: 50_000_000 });
});

test('bandwidth - one that is slowed for the sake of a datastore leaves its part to the others; the last pass of a warm migration is not', () => {
  const slowed = { paced: { mbps: 10, was: 80, why: 'w', at: '' } };
  expect(rates([{ ...copying('a'), ...slowed }])).toEqual({ a: 1e7 });
  expect(rates([{ ...copying('a', 5), ...slowed }, copying('b')], 100)).toEqual({ a: 5e6, b: 95e6 });
  const last = { ...copying('a'), ...slowed, plan: plan({ type: 'warm' }) };
  expect(rates([last])).toEqual({ a: null });
});

test('bandwidth - each provider has its own, and the least share comes first', () => {
  const all = [copying('a'), copying('b', undefined, 'other'), copying('c', 1)];
  const found = shares(all, (provider) => (provider === 'vc' ? 10 : 2));
  expect(found.map(({ vm, bytesPerSecond }) => [vm, bytesPerSecond])).toEqual([
    ['c', 1_000_000],
    ['b', 2_000_000],
    ['a', 9_000_000],
  ]);
});

test('bandwidth - the model: no sum is over the provider’s, none over its own, and none is left while one wants more', () => {
  const throttle = fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(throttle, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 1000 }), (own, mbps) => {
      const base = copying('x');
      const courses = own.map((each, i) => ({ ...base, vm: String(i), throttle: each }));
      const found = rates(courses, mbps);
      const each = courses.map(({ vm }) => found[vm]! / 1e6);
      const sum = each.reduce((a, b) => a + b, 0);
      expect(sum).toBeLessThanOrEqual(mbps + 1e-3);
      for (const [i, share] of each.entries()) expect(share).toBeLessThanOrEqual(own[i] ?? mbps);
      if (each.some((share, i) => share < (own[i] ?? mbps) - 1e-3)) expect(sum).toBeGreaterThan(mbps - 1e-3);
    }),
  );
});

test('bandwidth - a person’s word is kept by the course, in every state that is not over, and taken back', () => {
  const course = copying('a');
  const say = (now: Course, mbps: number | null) =>
    apply(now, { type: 'vm.throttled', data: { mbps } }, { seq: now.seq + 1, time: '' });
  const throttled = say(course, 40);
  expect(throttled).toMatchObject({ state: course.state, attempt: course.attempt, throttle: 40 });
  expect(say(throttled, null).throttle).toBeUndefined();
  const { course: over } = run(queued(), good);
  expect(say(over, 40).throttle).toBeUndefined();
});

import { FakeClock } from '@tranship/service-kit/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Limiter, limited } from './limiter.ts';
import { MemorySource } from './testing/source.ts';

const start = new FakeClock().now();

/** Asks for requests at once and tells when each passed, in milliseconds. */
function asking(limiter: Limiter, clock: FakeClock, sizes: readonly number[], signal?: AbortSignal) {
  const passed: { at: number; bytes: number }[] = [];
  const waiting = sizes.map((bytes) =>
    limiter.take(bytes, signal).then(() => passed.push({ at: clock.now() - start, bytes })),
  );
  return { passed, all: Promise.all(waiting) };
}
const times = (passed: readonly { at: number }[]) => passed.map(({ at }) => at);

test('limiter - without a limit nothing waits; with one each request waits until those before it are paid for', async () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  const free = asking(limiter, clock, [1e9, 1e9, 1e9]);
  await clock.advance(0);
  expect(times(free.passed)).toEqual([0, 0, 0]);
  limiter.set(1000);
  const { passed } = asking(limiter, clock, [500, 2000, 10]);
  await clock.advance(10_000);
  expect(times(passed)).toEqual([0, 500, 2500]);
});

test('limiter - a change counts for those who wait, both ways', async () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  limiter.set(1000);
  const { passed } = asking(limiter, clock, [10_000, 1000, 1000, 1]);
  await clock.advance(2_000);
  limiter.set(4000); // 8000 are still owed
  await clock.advance(2_000);
  expect(times(passed)).toEqual([0, 4000]);
  limiter.set(100);
  await clock.advance(10_000);
  expect(times(passed)).toEqual([0, 4000, 14_000]);
  limiter.set(null);
  await clock.advance(0);
  expect(times(passed)).toEqual([0, 4000, 14_000, 14_000]);
});

test('limiter - rest saves nothing up', async () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  limiter.set(1000);
  await clock.advance(60_000);
  const { passed } = asking(limiter, clock, [1000, 1000]);
  await clock.advance(1_000);
  expect(times(passed)).toEqual([60_000, 61_000]);
});

test('limiter - who waits is let go by the signal, and pays nothing', async () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  limiter.set(1000);
  const stop = new AbortController();
  await limiter.take(1000);
  const { all } = asking(limiter, clock, [1000], stop.signal);
  await clock.advance(10);
  stop.abort(new Error('enough'));
  await expect(all).rejects.toThrow('enough');
  const { passed } = asking(limiter, clock, [1]);
  await clock.advance(10_000);
  expect(times(passed)).toEqual([1000]);
});

const act = fc.oneof(
  fc.record({ take: fc.integer({ min: 1, max: 5_000 }) }),
  fc.record({ rate: fc.option(fc.integer({ min: 1, max: 10_000 })) }),
  fc.record({ ms: fc.integer({ min: 0, max: 2_000 }) }),
);

test('limiter - the model: whatever is asked and changed when, no stretch of time holds more than the limit and one request', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      const clock = new FakeClock();
      const limiter = new Limiter(clock);
      const rates: { at: number; rate: number }[] = [{ at: 0, rate: Number.POSITIVE_INFINITY }];
      const asked: ReturnType<typeof asking>[] = [];
      for (const each of acts) {
        if ('take' in each) asked.push(asking(limiter, clock, [each.take]));
        else if ('ms' in each) await clock.advance(each.ms);
        else {
          limiter.set(each.rate);
          rates.push({ at: clock.now() - start, rate: each.rate ?? Number.POSITIVE_INFINITY });
        }
        await clock.advance(0);
      }
      limiter.set(1000);
      rates.push({ at: clock.now() - start, rate: 1000 });
      await clock.advance(1_000_000);
      await Promise.all(asked.map(({ all }) => all));
      const passed = asked.flatMap((each) => each.passed);
      for (const [i, first] of passed.entries()) {
        let bytes = 0;
        for (const { at, bytes: more } of passed.slice(i)) {
          // Those before the last one of the stretch are paid for.
          expect(bytes).toBeLessThanOrEqual(allowed(rates, first.at, at) + 1e-6);
          bytes += more;
        }
      }
    }),
    { numRuns: 200 },
  );
});

/** Bytes that the limits of a stretch of time let pass; without end where there was none for a moment. */
function allowed(rates: readonly { at: number; rate: number }[], from: number, to: number): number {
  return rates.reduce((sum, { at, rate }, i) => {
    const end = rates[i + 1]?.at ?? Number.POSITIVE_INFINITY;
    const ms = Math.min(end, to) - Math.max(at, from);
    if (ms < 0) return sum;
    return sum + (rate === Number.POSITIVE_INFINITY ? rate : (rate * ms) / 1000);
  }, 0);
}

test('limited - two sources share one limiter; what is read is the source’s', async () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  limiter.set(4096);
  const bytes = Buffer.alloc(16_384, 'tranship');
  const sources = [new MemorySource(bytes), new MemorySource(bytes)].map((source) => limited(source, limiter));
  const targets = sources.map(() => Buffer.alloc(4096));
  let done = 0;
  for (const [i, source] of sources.entries()) void source.read(8192, targets[i]!).then(() => done++);
  await clock.advance(500);
  expect(done).toBe(1);
  await clock.advance(500);
  expect(done).toBe(2);
  for (const target of targets) expect(target.equals(bytes.subarray(8192, 12_288))).toBe(true);
  expect(sources[0]?.size).toBe(16_384);
});

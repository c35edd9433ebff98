import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, good, present, queued, run } from '../testing/course.ts';
import { apply, type Course } from './course.ts';
import { bothRun, guard, isPaced, pace } from './guard.ts';
import { next } from './next.ts';
import { allStates } from './states.ts';

const gib = 1024 ** 3;
const room = (free: number) => ({ vm: 'vm-1', datastore: 'fast', freeBytes: free * gib, needBytes: 20 * gib });
const course = (more: Partial<Course> = {}): Course => ({ ...queued({ type: 'warm' }), state: 'PC', ...more });

test('guard - below what is to stay free the pass is given up, and it is said which datastore', () => {
  expect(guard(course(), room(20))).toBeUndefined();
  expect(guard(course(), room(19.5))).toMatchObject({
    type: 'vm.guarded',
    data: { error: { code: 'source.low-space', detail: expect.stringContaining('fast has 19.5 GiB free') } },
  });
});

test('guard - it eases only with a quarter more, and says nothing twice', () => {
  const guarded = course({ state: 'WT', guarded: {} as never });
  expect(guard(guarded, room(19))).toBeUndefined();
  expect(guard(guarded, room(24.9))).toBeUndefined();
  expect(guard(guarded, room(25))).toEqual({ type: 'vm.eased', data: {} });
});

test('guard - 0 GiB to stay free watches nothing; nor is a cold migration watched, or one without a snapshot', () => {
  expect(guard(course(), { ...room(0), needBytes: 0 })).toBeUndefined();
  expect(guard({ ...queued(), state: 'WT' }, room(1))).toBeUndefined();
  const told = allStates.filter((state) => guard(course({ state }), room(1)) !== undefined);
  expect(told).toEqual(['WT', 'PC', 'PP']);
});

test('guard - a source that is started while its target is watched or settled waits for a person, who has a way on and a way back', () => {
  const told = allStates.filter((state) => bothRun(course({ state }), 'd') !== undefined);
  expect(told).toEqual(['WA', 'SE']);
  for (const broken of ['watchHealth', 'settle']) {
    const { course: beside } = run(queued(), (step, now) => (step === broken ? undefined : good(step, now)));
    const held = at(beside, bothRun(beside, 'the source vm-1 is poweredOn')!);
    expect(held).toMatchObject({
      state: 'DN',
      error: { code: 'source.both-run', detail: 'the source vm-1 is poweredOn' },
    });
    expect(next(held, present())).toBeUndefined();
    // An answer that comes late changes nothing.
    expect(at(held, good(broken)).state).toBe('DN');
    expect(run(at(held, { type: 'vm.retried', data: {} }), good)).toMatchObject({ course: { state: 'OK' } });
    expect(run(at(held, { type: 'vm.rollback-requested', data: {} }), good).steps).toEqual(['stopTarget', 'powerOn']);
  }
});

const start = Date.parse('2026-01-01T00:00:00Z');
const seconds = (count: number) => start + count * 1000;
const slow = (ms: number) => ({ vm: 'vm-1', datastore: 'fast', ms, maxMs: 40 });
const paced = (mbps: number, was: number) =>
  course({ paced: { mbps, was, why: 'w', at: new Date(start).toISOString() } });

test.each<[string, Course, number | undefined, number | undefined, number, number | null | undefined]>([
  ['at ease nothing is said', course(), 40, 120, 60, undefined],
  ['above what is allowed it reads half', course(), 41, 120, 60, 60],
  ['of what it reads nothing is known yet', course(), 90, undefined, 60, undefined],
  ['what is not known slows nothing', course(), undefined, 120, 60, undefined],
  ['so little is not in the way of anybody', course(), 90, 5, 60, undefined],
  ['a change lasts before the next', paced(60, 120), 90, 60, 29, undefined],
  ['slow still: half again', paced(60, 120), 90, 60, 30, 30],
  ['by what it reads where that is less', paced(60, 120), 90, 32, 30, 16],
  ['though nobody tells what it reads', paced(60, 120), 90, undefined, 30, 30],
  ['it is to come to an end', paced(8, 120), 90, 8, 30, 5],
  ['no slower', paced(5, 120), 90, 5, 30, undefined],
  ['between the two it stays', paced(30, 120), 25, 30, 30, undefined],
  ['well below: twice as much', paced(30, 120), 24, 30, 30, 60],
  ['back to what it was', paced(60, 120), 3, 60, 30, null],
  ['not known any more: back step by step', paced(15, 120), undefined, 15, 30, 30],
])('pace - %s', (_, is, ms, reads, at, mbps) => {
  const event = pace(is, ms === undefined ? undefined : slow(ms), reads, seconds(at));
  expect(event && 'mbps' in event.data ? event.data.mbps : undefined).toBe(mbps);
});

test('pace - it is said which datastore, and what was read before is kept through all steps', () => {
  const first = pace(course(), slow(71), 119.97, seconds(0))!;
  const data = { mbps: 60, was: 120, why: 'fast takes 71 ms to answer, more than the 40 ms that it may' };
  expect(first).toEqual({ type: 'vm.paced', data });
  const then = at(course(), first, new Date(start).toISOString());
  expect(pace(then, slow(71), 60, seconds(30))).toMatchObject({ data: { mbps: 30, was: 120 } });
});

test('pace - copies that run are watched, but for the last of a warm migration; one that waits is only given back', () => {
  const told = (more: Partial<Course>) =>
    allStates.filter((state) => pace(course({ ...more, state }), slow(90), 120, seconds(60)) !== undefined);
  expect(told({})).toEqual(['PC']);
  expect(told({ plan: queued().plan })).toEqual(['PC', 'CP']);
  const waiting = { ...paced(15, 120), state: 'WT' } as const;
  expect([isPaced(waiting), isPaced({ ...waiting, paced: undefined })]).toEqual([true, false]);
  expect(pace(waiting, slow(90), undefined, seconds(60))).toBeUndefined();
  expect(pace(waiting, slow(9), undefined, seconds(60))).toMatchObject({ data: { mbps: 30 } });
});

test('pace - the model: by halves down to the floor and back, never at once, and at rest a slow datastore has the floor, a quick one all', () => {
  const look = fc.record({ ms: fc.integer({ min: 0, max: 120 }), after: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(
      fc.array(look, { maxLength: 60 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.boolean(),
      (looks, full, ends) => {
        let [is, now, changed] = [course(), start, Number.NEGATIVE_INFINITY];
        const see = (ms: number, after: number) => {
          now += after * 1000;
          const reads = Math.min(full, is.paced?.mbps ?? full);
          const event = pace(is, slow(ms), reads, now);
          if (!event) return;
          const next = apply(is, event, { seq: is.seq + 1, time: new Date(now).toISOString() });
          const mbps = next.paced?.mbps ?? full;
          expect(ms > 40 || ms <= 24).toBe(true);
          expect(mbps).toBeGreaterThanOrEqual(Math.min(5, full));
          expect(ms > 40 ? mbps < reads : mbps >= reads).toBe(true);
          expect(ms > 40 ? mbps >= Math.floor(reads / 2) : mbps <= Math.max(full, reads * 2)).toBe(true);
          if (is.paced) expect(now - changed).toBeGreaterThanOrEqual(30_000);
          [is, changed] = [next, now];
        };
        for (const { ms, after } of looks) see(ms, after);
        for (let i = 0; i < 12; i++) see(ends ? 90 : 3, 30);
        expect(is.paced?.mbps).toBe(ends && full > 5 ? 5 : undefined);
      },
    ),
  );
});

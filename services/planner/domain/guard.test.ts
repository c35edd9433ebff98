import { expect, test } from 'vitest';
import { at, good, present, queued, run } from '../testing/course.ts';
import type { Course } from './course.ts';
import { bothRun, guard } from './guard.ts';
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

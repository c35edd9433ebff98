import fc from 'fast-check';
import { expect, test } from 'vitest';
import { queued } from '../testing/course.ts';
import type { Course } from './course.ts';
import { foldSnapshot, type HeldSnapshot, isBack, maySnapshot } from './snapshots.ts';

const course = (vm: string, datastores: string[], more: Partial<Course> = {}): Course => ({
  ...{ ...queued({ type: 'warm', datastores, snapshotsPerDatastore: 2 }), vm, state: 'WT', seq: 10 },
  ...more,
});
const held = (vm: string, datastores: string[], at = 10): HeldSnapshot => ({ migration: 'p-1', vm, datastores, at });

test('snapshots - a VM needs room on each of its datastores; its own does not count against it', () => {
  const all = [held('vm-1', ['a']), held('vm-2', ['a', 'b'])];
  expect(maySnapshot(course('vm-3', ['a']), all)).toBe(false);
  expect(maySnapshot(course('vm-3', ['b']), all)).toBe(true);
  expect(maySnapshot(course('vm-3', ['b', 'a']), all)).toBe(false);
  expect(maySnapshot(course('vm-1', ['a']), all)).toBe(true);
});

test('snapshots - what is held is returned when the course has gone on, and has none open', () => {
  const own = held('vm-1', ['a'], 10);
  expect(isBack(course('vm-1', ['a']), own)).toBe(false);
  for (const state of ['SN', 'PC', 'PP', 'RM', 'RT', 'TY', 'DN'] as const)
    expect(isBack(course('vm-1', ['a'], { state, seq: 20 }), own)).toBe(false);
  for (const state of ['WT', 'ST', 'FA', 'CA', 'OK'] as const)
    expect(isBack(course('vm-1', ['a'], { state, seq: 20 }), own)).toBe(true);
  expect(isBack(course('vm-2', ['a'], { seq: 20 }), own)).toBe(false);
});

test('snapshots - the model: granted and returned in any order, no datastore ever bears more than its limit', () => {
  const vms = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }), { maxLength: 12 });
  fc.assert(
    fc.property(vms, fc.array(fc.nat(), { maxLength: 80 }), (stores, moves) => {
      let all: readonly HeldSnapshot[] = [];
      for (const move of moves) {
        if (stores.length === 0) return;
        const i = move % stores.length;
        const each = course(`vm-${i}`, stores[i]!);
        const own = all.find(({ vm }) => vm === each.vm);
        if (own) all = foldSnapshot(all, { type: 'permits.snapshot-returned', data: own });
        else if (maySnapshot(each, all))
          all = foldSnapshot(all, { type: 'permits.snapshot-granted', data: held(each.vm, stores[i]!) });
        for (const id of ['a', 'b', 'c'])
          expect(all.filter(({ datastores }) => datastores.includes(id)).length).toBeLessThanOrEqual(2);
      }
    }),
  );
});

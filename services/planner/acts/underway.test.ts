import { expect, test } from 'vitest';
import { type Course, newCourse } from '../domain/course.ts';
import type { Model } from '../ports.ts';
import { plan } from '../testing/course.ts';
import { usesOf } from './underway.ts';

test('uses - of a VM that its migration has not queued yet, until that is over', () => {
  const started = { plan: 'shop', source: 'vc', generation: 1, concurrency: 1, vms: [{ id: 'vm-1', name: 'web-01' }] };
  const model = (finished?: object) =>
    ({ migrations: () => [{ id: 'shop-1', started, finished }], course: () => undefined }) as unknown as Model;
  expect(usesOf(model(), 'vc')).toEqual(moves);
  expect(usesOf(model(), 'another')).toEqual([]);
  expect(usesOf(model({ state: 'cancelled' }), 'vc')).toEqual([]);
});

/** A model with one migration of one VM. */
function modelOf(over: Partial<Course>, provider = 'vc'): Model {
  const connection = { ...plan().connection, provider };
  const course = { ...newCourse('shop-1', 'vm-1'), plan: { ...plan({ connection }) }, ...over } as Course;
  const started = { plan: 'shop', generation: 1, concurrency: 1, vms: [{ id: 'vm-1', name: 'web-01' }] };
  return { migrations: () => [{ id: 'shop-1', started }], course: () => course } as unknown as Model;
}

const moves = [{ migration: 'shop-1', vm: 'web-01', kept: false }];
const keeps = [{ migration: 'shop-1', vm: 'web-01', kept: true }];
test.for([
  { is: 'that is queued', course: { state: 'QU' }, uses: moves },
  { is: 'that turns back', course: { state: 'RT', kept: true }, uses: moves },
  { is: 'that waits for a person', course: { state: 'DN' }, uses: moves },
  { is: 'that is tidied up after', course: { state: 'AT' }, uses: moves },
  { is: 'that failed and keeps its copy', course: { state: 'FA', kept: true }, uses: keeps },
  { is: 'whose kept copy is archived', course: { state: 'FA', kept: true, archived: true }, uses: [] },
  { is: 'that failed', course: { state: 'FA' }, uses: [] },
  { is: 'that is over', course: { state: 'OK' }, uses: [] },
] as { is: string; course: Partial<Course>; uses: unknown[] }[])('uses - of a VM $is', ({ course, uses }) => {
  expect(usesOf(modelOf(course), 'vc')).toEqual(uses);
  expect(usesOf(modelOf(course, 'another'), 'vc')).toEqual([]);
});

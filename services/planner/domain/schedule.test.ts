import fc from 'fast-check';
import { expect, test } from 'vitest';
import { queued } from '../testing/course.ts';
import type { Course } from './course.ts';
import { foldPermit, type StoredPermit, sessionsOn } from './permits.ts';
import { admissible, sessionsFor } from './schedule.ts';

const course = (vm: string, host: string, sessions: number, sessionsPerHost = 4): Course => ({
  ...queued({ host, sessions, sessionsPerHost }),
  vm,
});
const asked = (courses: readonly Course[], held: readonly StoredPermit[], limit = 20) =>
  admissible(
    courses.map(({ vm }) => vm),
    new Map(courses.map((each) => [each.vm, each])),
    held,
    limit,
    'p-1',
  )?.vm;
const permit = (vm: string, host: string, sessions: number, migration = 'p-1') => ({
  ...{ migration, vm, host, sessions },
  seq: 1,
});

test('schedule - the first in the order that there is room for, on its host, whatever migration took the room', () => {
  const courses = [course('vm-1', 'h1', 3), course('vm-2', 'h1', 2), course('vm-3', 'h2', 4)];
  expect(asked(courses, [])).toBe('vm-1');
  expect(asked(courses, [permit('vm-9', 'h1', 2, 'other-1')])).toBe('vm-2');
  expect(asked(courses, [permit('vm-9', 'h1', 4, 'other-1')])).toBe('vm-3');
  expect(asked(courses, [permit('vm-8', 'h1', 4), permit('vm-9', 'h2', 1)])).toBeUndefined();
});

test('schedule - no more VMs of a migration at once than its plan says; a granted one is admitted all the same', () => {
  const courses = [course('vm-1', 'h1', 1), course('vm-2', 'h2', 1)];
  expect(asked(courses, [permit('vm-9', 'h3', 1)], 1)).toBeUndefined();
  expect(asked(courses, [permit('vm-2', 'h2', 1)], 1)).toBe('vm-2');
});

test('schedule - a VM that another migration moves waits for it to be over, and keeps no other waiting', () => {
  const courses = [course('vm-1', 'h1', 1), course('vm-2', 'h2', 1)];
  expect(asked(courses, [permit('vm-1', 'h1', 1, 'other-1')])).toBe('vm-2');
  expect(asked(courses.slice(0, 1), [permit('vm-1', 'h1', 1, 'other-1')])).toBeUndefined();
});

test('schedule - a VM asks for no more than its host bears', () => {
  expect([sessionsFor(1, 4), sessionsFor(60, 8), sessionsFor(3, 2)]).toEqual([1, 4, 2]);
});

test('schedule - the model: granted and returned in any order, no host ever bears more than its limit', () => {
  const vm = fc.record({ host: fc.constantFrom('h1', 'h2', 'h3'), disks: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(
      fc.array(vm, { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(), { maxLength: 60 }),
      (vms, perHost, ends) => {
        const courses = vms.map(({ host, disks }, i) => course(`vm-${i}`, host, sessionsFor(disks, perHost), perHost));
        const events: { type: string; data: unknown; seq: number }[] = [];
        const left = new Map(courses.map((each) => [each.vm, each]));
        for (const end of [...ends, ...courses.map(() => 0), ...courses.map(() => 0)]) {
          const held = events.reduce<StoredPermit[]>(foldPermit, []);
          for (const host of ['h1', 'h2', 'h3']) expect(sessionsOn(host, held)).toBeLessThanOrEqual(perHost);
          const next = admissible([...left.keys()], left, held, 20, 'p-1');
          if (next) {
            left.delete(next.vm);
            events.push({
              type: 'permits.granted',
              data: permit(next.vm, next.plan!.host, next.plan!.sessions),
              seq: 1,
            });
          } else if (held.length > 0) events.push({ type: 'permits.returned', data: held[end % held.length], seq: 1 });
        }
        expect(left.size).toBe(0);
      },
    ),
  );
});

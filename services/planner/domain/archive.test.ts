import type { TranshipEvent, VmPlan } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, bad, good, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { outcome } from './migration.ts';
import { next } from './next.ts';
import { final } from './states.ts';

const request: TranshipEvent = { type: 'vm.archive-requested', data: {} };
const budget = { cutover: { mode: 'budget', budgetMs: 3_600_000 } } as const;
const archived = (course: Course, answer: Parameters<typeof run>[1] = good) => run(at(course, request), answer);
/** What the steps of an archiving are asked. */
const asked = (course: Course) => {
  const inputs: unknown[] = [];
  archived(course, (step, now, clock) => {
    inputs.push((next(now, present(clock)) as { input: unknown }).input);
    return good(step, now, clock);
  });
  return inputs;
};
const rolledBack = () => {
  const { course } = run(queued({ onUnhealthy: 'rollback' }), (step, now) =>
    step === 'watchHealth' ? bad(step, now, problem('target.unhealthy')) : good(step, now),
  );
  expect(course.state).toBe('FA');
  return course;
};

test('rollback - that it came to its end is told, of a source that was off before too, and of the try that it was of alone', () => {
  const told = (course: Course) => {
    const types: string[] = [];
    const say = (now: Course): Course => {
      const due = next(now, present());
      if (!due || now.state === 'FA') return now;
      const event = due.kind === 'event' ? due.event : good(due.step, now);
      types.push(event.type);
      return say(at(now, event));
    };
    const end = say(at(course, { type: 'vm.rollback-requested', data: {} }));
    return { types, end };
  };
  const unwell = (over: Partial<VmPlan>) =>
    run(queued(over), (step, now) =>
      step === 'watchHealth' ? bad(step, now, problem('target.unhealthy')) : good(step, now),
    ).course;
  expect(told(unwell({})).types.slice(-3)).toEqual(['vm.source-started', 'vm.rolled-back', 'vm.failed']);
  const off = told(unwell({ power: 'poweredOff' }));
  expect(off.types).toEqual(['vm.target-stopped', 'vm.source-tidied', 'vm.rolled-back', 'vm.failed']);
  const again = run(at(off.end, { type: 'vm.retried', data: {} }), (step, now) =>
    step === 'prepare' ? bad(step, now, problem('kube.unreachable')) : good(step, now),
  ).course;
  expect([off.end, again]).toMatchObject([
    { state: 'FA', rolledBack: true },
    { state: 'FA', rolledBack: false },
  ]);
});

test('archive - change tracking that was turned on for a VM that moved is turned off; its target is left alone', () => {
  const { course } = run(warm(budget), good);
  expect(asked(course)).toMatchObject([{ tracking: 'off' }]);
  const { course: end, steps } = archived(course);
  expect(steps).toEqual(['tidySource']);
  expect(end).toMatchObject({ state: 'OK', archived: true });
  expect(outcome([end])).toBe('succeeded');
});

test('archive - where tracking was on before, or no pass was made, nothing is done at the source', () => {
  for (const over of [warm({ ...budget, tracking: true }), queued()]) {
    const { course, steps } = archived(run(over, good).course);
    expect(steps).toEqual([]);
    expect(course.archived).toBe(true);
  }
});

test('archive - a target that was given up after it ran is removed then, and not before', () => {
  const course = rolledBack();
  expect(asked(course)).toMatchObject([{ target: { name: 'web-01' }, ran: 'remove' }]);
  expect(archived(course).course).toMatchObject({ state: 'FA', archived: true });
});

test('archive - a source that is gone for ever stands in the way of nothing', () => {
  const { course } = run(warm(budget), good);
  for (const code of ['vsphere.not-found', 'document.not-found'] as const)
    expect(archived(course, (step, now) => bad(step, now, problem(code))).course.archived).toBe(true);
});

test('archive - what fails leaves the course where it had ended, owed with the reason; asked again it is done anew', () => {
  const { course } = run(warm(budget), good);
  const attempts: string[] = [];
  const { course: failed } = archived(course, (step, now) => {
    attempts.push(`${step}/${now.attempt}`);
    return bad(step, now, problem('vsphere.fault'));
  });
  expect(failed).toMatchObject({ state: 'OK', archived: false, owed: { code: 'vsphere.fault' } });
  const { course: end } = archived(failed, (step, now) => {
    attempts.push(`${step}/${now.attempt}`);
    return good(step, now);
  });
  expect(end).toMatchObject({ state: 'OK', archived: true, owed: undefined });
  expect(new Set(attempts).size).toBe(2);
});

test('archive - the model: whatever fails on the way, it ends where it had ended, and only steps that tidy are asked for', () => {
  const ends = [run(warm(budget), good).course, rolledBack(), run(queued(), good).course];
  fc.assert(
    fc.property(fc.constantFrom(...ends), fc.array(fc.constantFrom('good', 'again', 'fail')), (course, outcomes) => {
      let i = 0;
      const { course: end, steps } = archived(course, (step, now) => {
        const what = outcomes[i++] ?? 'good';
        if (what === 'good') return good(step, now);
        return bad(step, now, problem('service.internal', true), what === 'again');
      });
      expect(end.state).toBe(course.state);
      expect(final.has(end.state)).toBe(true);
      expect(end.archived).toBe(end.owed === undefined);
      for (const step of steps) expect(['tidySource', 'removeTarget']).toContain(step);
    }),
  );
});

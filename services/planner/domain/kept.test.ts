import type { TranshipEvent } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { at, bad, good, precopy, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { next } from './next.ts';

const budget = { cutover: { mode: 'budget', budgetMs: 3_600_000 }, tracking: false } as const;
const again: TranshipEvent = { type: 'vm.retried', data: {} };
const inputOf = (course: Course, clock: number) => (next(course, present(clock)) as { input: object }).input;

/** Ends in a conversion that fails; gives what the way back was asked. */
function unconverted(from: Course) {
  const back: Record<string, object> = {};
  const { course } = run(from, (step, now, clock) => {
    back[step] = inputOf(now, clock);
    return step === 'convert' ? bad(step, now, problem('guest.dirty')) : good(step, now, clock);
  });
  expect(course).toMatchObject({ state: 'FA', kept: true, error: { code: 'guest.dirty' } });
  return { course, back };
}

test('retry - a conversion that failed costs no copied byte: the copy stays, the next pass is a delta, the guest is inspected anew', () => {
  const { course, back } = unconverted(warm(budget));
  expect(back).toMatchObject({ removeTarget: { copy: 'keep' }, tidySource: { tracking: 'keep' } });
  const copies: object[] = [];
  const { course: end, steps } = run(at(course, again), (step, now, clock) => {
    if (step === 'copy') copies.push(inputOf(now, clock));
    return good(step, now, clock);
  });
  expect(steps.slice(0, 6)).toEqual(['prepare', ...precopy, 'inspect']);
  expect(copies[0]).toMatchObject({ pass: course.passes.length + 1, disks: [{ how: 'delta' }] });
  expect(end).toMatchObject({ state: 'OK', kept: false });
});

test('retry - of a cold migration only what differs is written again', () => {
  const target = warm().plan!.target;
  const { course } = unconverted(queued({ target }));
  const lost = (step: string, now: Course, clock: number) => {
    const event = good(step, now, clock);
    if (step !== 'findChanges') return event;
    return {
      ...event,
      data: { ...event.data, disks: [{ key: 2000, file: 'f', lost: 'no changeId' }] },
    } as TranshipEvent;
  };
  const copies: object[] = [];
  const { course: end } = run(at(course, again), (step, now, clock) => {
    if (step === 'copy') copies.push(inputOf(now, clock));
    return lost(step, now, clock);
  });
  expect(copies).toMatchObject([{ pass: 2, disks: [{ how: 'compare' }] }]);
  expect(end.state).toBe('OK');
});

test.each(['handOver', 'create', 'checkOff'])('retry - a failure in %s costs no copied byte either', (broken) => {
  const { course } = run(warm(budget), (step, now, clock) =>
    step === broken ? bad(step, now, problem('target.exists')) : good(step, now, clock),
  );
  expect(course).toMatchObject({ state: 'FA', kept: true });
  expect(run(at(course, again), good).course.state).toBe('OK');
});

test('retry - where the copy could not be kept, all begins anew', () => {
  const { course } = run(warm(budget), (step, now, clock) => {
    if (step === 'removeTarget') return { type: 'vm.target-removed', data: { removed: [], kept: false } };
    return step === 'convert' ? bad(step, now, problem('guest.dirty')) : good(step, now, clock);
  });
  expect(course.kept).toBe(false);
  const { steps, course: end } = run(at(course, again), good);
  expect(end.passes[0]?.pass).toBe(1);
  expect(steps.slice(0, 6)).toEqual(['prepare', ...precopy, 'inspect']);
});

test('retry - cancelled, or failed elsewhere, nothing is kept; the archive removes what is', () => {
  const { course } = unconverted(warm(budget));
  const inputs: object[] = [];
  run(at(course, { type: 'vm.archive-requested', data: {} }), (step, now, clock) => {
    inputs.push(inputOf(now, clock));
    return good(step, now, clock);
  });
  expect(inputs).toMatchObject([{ tracking: 'off' }, { copy: 'remove', ran: 'remove' }]);
  const stopped = run(warm(budget), (step, now, clock) =>
    step === 'convert' ? { type: 'vm.cancel-requested', data: {} } : good(step, now, clock),
  );
  expect(stopped.course).toMatchObject({ state: 'CA', kept: false });
  const failedAgain = run(at(course, again), (step, now, clock) =>
    step === 'snapshot' ? bad(step, now, problem('vsphere.fault')) : good(step, now, clock),
  );
  expect(failedAgain.course).toMatchObject({ state: 'FA', kept: false });
  const cold = unconverted(queued({ target: warm().plan!.target })).course;
  const uncopied = run(at(cold, again), (step, now, clock) =>
    step === 'copy' ? bad(step, now, problem('transfer.read')) : good(step, now, clock),
  );
  expect(uncopied.course).toMatchObject({ state: 'FA', kept: false });
  const unprepared = run(at(course, again), (step, now) =>
    step === 'prepare' ? bad(step, now, problem('target.workbench')) : good(step, now),
  );
  expect(unprepared.course).toMatchObject({ state: 'FA', kept: true });
});

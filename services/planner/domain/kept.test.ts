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

/** Each step of a warm course after its first pass, and how many passes are proven when it fails for good. */
test.each([
  ...([['snapshot', 1] as const, ['copy', 1] as const, ['prove', 1] as const, ['removeSnapshot', 1] as const] as const),
  ...([['powerOff', 2] as const, ['findChanges', 2] as const, ['final copy', 2] as const] as const),
  ...([['final prove', 2] as const, ['inspect', 1] as const, ['prepare', 1] as const] as const),
])(
  'retry - an outage in %s keeps the %i passes that were proven: the next one copies what changed since',
  (where, count) => {
    const final = where.startsWith('final ');
    const step = where.replace('final ', '');
    const isHere = ({ state, passes }: Course) =>
      (final ? ['CP', 'PV'].includes(state) : true) &&
      (step === 'inspect' || passes.filter((p) => p.proven).length >= 1);
    const plan = step === 'prepare' ? { ...budget, intervalMs: 3_600_000 } : budget;
    const back: Record<string, object> = {};
    const { course } = run(warm(plan), (each, now, clock) => {
      back[each] = inputOf(now, clock);
      return each === step && isHere(now) ? bad(each, now, problem('vsphere.unreachable')) : good(each, now, clock);
    });
    expect(course).toMatchObject({ state: 'FA', kept: true, error: { code: 'vsphere.unreachable' } });
    expect(back).toMatchObject({ removeTarget: { copy: 'keep' }, tidySource: { tracking: 'keep' } });
    const retried = at(course, again);
    expect(retried.passes.map(({ pass, proven }) => [pass, proven !== undefined])).toEqual(
      Array.from({ length: count }, (_, i) => [i + 1, true]),
    );
    const asked: object[] = [];
    const { course: end, steps } = run(retried, (each, now, clock) => {
      if (each === 'snapshot' || each === 'copy') asked.push(inputOf(now, clock));
      return good(each, now, clock);
    });
    expect(steps.slice(0, 6)).toEqual(['prepare', ...precopy, 'inspect']);
    expect(asked.slice(0, 2)).toMatchObject([
      { disks: [{ changeId: `52 aa/${count}` }] },
      { pass: count + 1, disks: [{ how: 'delta' }] },
    ]);
    expect(end.state).toBe('OK');
  },
);

test('retry - a first pass that was not proven is no copy: all is removed', () => {
  for (const step of ['snapshot', 'copy', 'prove'])
    expect(
      run(warm(budget), (each, now, clock) =>
        each === step ? bad(each, now, problem('transfer.read')) : good(each, now, clock),
      ).course,
    ).toMatchObject({ state: 'FA', kept: false });
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

test('retry - cancelled, nothing is kept; the archive removes what is', () => {
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
  const unprepared = run(at(course, again), (step, now) =>
    step === 'prepare' ? bad(step, now, problem('target.workbench')) : good(step, now),
  );
  expect(unprepared.course).toMatchObject({ state: 'FA', kept: true });
});

/** A target that ran, was found ill and given up. */
function rolledBack(from: Course) {
  const { course } = run(from, (step, now, clock) =>
    step === 'watchHealth' ? bad(step, now, problem('target.unhealthy')) : good(step, now, clock),
  );
  const { course: end } = run(at(course, { type: 'vm.rollback-requested', data: {} }), good);
  expect(end).toMatchObject({ state: 'FA', ran: true });
  return end;
}

test.each(['cold', 'warm'] as const)(
  'ran - a %s one that is retried after a rollback has its disks compared, and no delta',
  (type) => {
    const target = warm().plan!.target;
    const course = rolledBack(type === 'warm' ? warm(budget) : queued({ target }));
    const inputs: Record<string, object[]> = { prepare: [], copy: [] };
    const { course: end } = run(at(course, again), (step, now, clock) => {
      inputs[step]?.push(inputOf(now, clock));
      return good(step, now, clock);
    });
    expect(end).toMatchObject({ state: 'OK', ran: false });
    expect(inputs.prepare?.[0]).toMatchObject({ ran: true });
    expect(inputs.copy?.[0]).toMatchObject({ pass: 1, disks: [{ how: 'compare' }] });
    if (type === 'warm') expect(inputs.copy?.[1]).toMatchObject({ pass: 2, disks: [{ how: 'delta' }] });
  },
);

test('ran - cancelled before its workbench was prepared, it is left as it is', () => {
  const course = at(rolledBack(warm(budget)), again);
  const { course: end, steps } = run({ ...at(course, { type: 'vm.cancel-requested', data: {} }) }, good);
  expect(steps).toEqual([]);
  expect(end).toMatchObject({ state: 'CA', ran: true });
  expect(run(at(end, again), good).course.state).toBe('OK');
});

test.each(['prepare', 'copy', 'prove'])(
  'ran - what fails in %s keeps the disks: the retry after it compares as well',
  (broken) => {
    const inputs: Record<string, object> = {};
    const { course } = run(at(rolledBack(warm(budget)), again), (step, now, clock) => {
      inputs[step] = inputOf(now, clock);
      return step === broken ? bad(step, now, problem('transfer.read')) : good(step, now, clock);
    });
    expect(inputs.removeTarget).toMatchObject({ copy: 'keep', ran: 'remove' });
    expect(course).toMatchObject({ state: 'FA', ran: true, kept: true });
    const copies: object[] = [];
    const { course: end } = run(at(course, again), (step, now, clock) => {
      if (step === 'copy') copies.push(inputOf(now, clock));
      return good(step, now, clock);
    });
    expect(copies[0]).toMatchObject({ pass: 1, disks: [{ how: 'compare' }] });
    expect(end.state).toBe('OK');
  },
);

test('ran - where the disks could not be brought back, all begins anew', () => {
  const { course } = run(at(rolledBack(warm(budget)), again), (step, now, clock) => {
    if (step === 'removeTarget') return { type: 'vm.target-removed', data: { removed: [], kept: false } };
    return step === 'prepare' ? bad(step, now, problem('target.workbench')) : good(step, now, clock);
  });
  expect(course).toMatchObject({ state: 'FA', ran: false });
  expect(inputOf({ ...at(course, again), state: 'PR' }, 0)).toMatchObject({ ran: false });
});

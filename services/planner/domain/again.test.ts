import type { Problem, Reached, TranshipEvent } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, good, plan, present, problem, queued, run, warm } from '../testing/course.ts';
import { againAt } from './again.ts';
import { answered } from './answered.ts';
import { apply, type Course } from './course.ts';
import { dueStep } from './next.ts';
import { waitsFor } from './waiting.ts';

const minute = 60_000;
const hour = 60 * minute;
const begin = Date.parse('2026-01-01T00:00:00Z');
const budget = { cutover: { mode: 'budget', budgetMs: hour } } as const;
const away = problem('vsphere.unreachable', true);
const broken = problem('transfer.write', true);

/** How a step's failure is taken, disk 0 having come so far. */
const failing = (course: Course, clock: number, error: Problem, reached?: Reached[]): TranshipEvent => {
  const outcome = { ok: false, error, ...(reached ? { reached } : {}) } as const;
  return answered(course, { step: dueStep(course)!, attempt: course.attempt, outcome }, clock);
};
const upTo = (doneBytes: number, disk = 0): Reached[] => [{ disk, doneBytes }];

test.each([
  ['warm', 'transfer.write'],
  ['warm', 'transfer.read'],
  ['cold', 'transfer.read'],
] as const)('again - a %s copy that comes further between them outlives thirty failures (%s)', (type, code) => {
  let failures = 0;
  const { course, steps } = run(warm({ ...budget, type }), (step, now, clock) =>
    step === 'copy' && failures < 30
      ? failing(now, clock, problem(code, true), upTo(++failures * 1000))
      : good(step, now, clock),
  );
  expect(course.state).toBe('OK');
  expect(steps.filter((step) => step === 'copy').length).toBeGreaterThan(30);
});

test('again - without progress the sixth failure is the last; what is done already is none, nor is a disk that falls back', () => {
  for (const told of [undefined, upTo(1000), [...upTo(10), ...upTo(1000, 1)]]) {
    let failures = 0;
    const { course } = run(warm(budget), (step, now, clock) => {
      if (step !== 'copy') return good(step, now, clock);
      failures++;
      return failing(now, clock, broken, failures === 3 ? upTo(5) : told);
    });
    expect(course).toMatchObject({ state: 'FA', error: { code: 'transfer.write' } });
    expect(failures).toBe(told ? 6 : 8);
  }
});

test('again - the model: a step ends at its sixth failure in a row in which no disk came further than ever, and not before', () => {
  const gains = fc.array(fc.record({ disk: fc.integer({ max: 2, min: 0 }), gain: fc.integer({ min: -3, max: 1 }) }));
  fc.assert(
    fc.property(gains, (all) => {
      let course: Course = { ...warm(budget), state: 'PC' };
      const furthest = [0, 0, 0];
      let row = 0;
      for (const [i, { disk, gain }] of all.entries()) {
        const doneBytes = Math.max(0, furthest[disk]! + gain);
        row = doneBytes > furthest[disk]! ? 1 : row + 1;
        furthest[disk] = Math.max(furthest[disk]!, doneBytes);
        const event = failing(course, begin + i, broken, upTo(doneBytes, disk));
        expect(event).toMatchObject({ type: 'vm.step-failed', data: { again: row < 6 } });
        if (row === 6) return;
        course = at(course, event);
        expect(course.tries).toBe(row + 1);
      }
    }),
    { numRuns: 300 },
  );
});

test.each(['snapshot', 'copy', 'removeSnapshot'])(
  'again - vCenter is away for ten minutes in %s of the first pass: it is waited for, and the pass ends well',
  (where) => {
    let since: number | undefined;
    const tried: number[] = [];
    const { course } = run(warm(budget), (step, now, clock) => {
      if (step !== where || now.passes.length > 1) return good(step, now, clock);
      since ??= clock;
      tried.push(clock - since);
      return clock < since + 10 * minute ? failing(now, clock, away) : good(step, now, clock);
    });
    expect(course.state).toBe('OK');
    const gaps = tried.slice(1).map((each, i) => each - tried[i]!);
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
    expect(gaps.at(-1)).toBeLessThanOrEqual(5 * minute + 2_000);
  },
);

/** Fails over and over, each time as soon as it is tried again; gives when the last failure was, milliseconds from the first. */
function outlasts(from: Course, error: Problem): number {
  let [course, clock] = [from, begin];
  for (;;) {
    const event = failing(course, clock, error) as TranshipEvent<'vm.step-failed'>;
    if (!event.data.again) return clock - begin;
    course = apply(course, event, { seq: course.seq + 1, time: new Date(clock).toISOString() });
    clock = againAt(course)!;
  }
}
const inState = (
  state: Course['state'],
  over: Parameters<typeof warm>[0] = {},
  more: Partial<Course> = {},
): Course => ({
  ...queued({ ...plan(), ...over }),
  state,
  ...more,
});
const off = { power: 'poweredOff' } as const;

test.each<[string, number, Course, Problem]>([
  ['a day while the source runs', 24 * hour, inState('PC'), away],
  ['a day for a host in maintenance', 24 * hour, inState('PC'), problem('vsphere.host-away', true)],
  ['a day where the way back tidies a source that runs', 24 * hour, inState('TY'), away],
  ['minutes once the source is stopped', 5 * minute, inState('CP'), away],
  ['minutes where the way back has to start the source', 5 * minute, inState('TY', {}, { stopped: true }), away],
  ['a day of a source that did not run before', 24 * hour, inState('CP', off), away],
  [
    'minutes of one that others of its group wait for',
    5 * minute,
    inState('CP', { ...off, group: ['vm-1', 'b'] }),
    away,
  ],
  ['minutes where it is not the source', 5 * minute, inState('PC'), broken],
  ['no time where no time helps', 0, inState('PC'), problem('vsphere.unreachable')],
])('again - it waits for %s', (_, ms, course, error) => {
  const lasted = outlasts(course, error);
  expect(lasted).toBeGreaterThanOrEqual(ms * 0.6);
  expect(lasted).toBeLessThanOrEqual(ms * 1.1);
});

test('again - hours without the source cost no try of what fails after it', () => {
  let course = inState('PC');
  for (let i = 0; i < 50; i++) course = at(course, failing(course, begin + i * minute, away));
  expect(outlasts(course, broken)).toBeGreaterThan(minute);
});

test('again - while the source is waited for the status says so and until when, and a cancel is heard', () => {
  let told: string | undefined;
  const { course, steps } = run(warm(budget), (step, now, clock) => {
    if (step !== 'copy') return good(step, now, clock);
    if (now.tries < 4) return failing(now, clock, away);
    told = waitsFor(now, present(Date.parse(now.failure!.at)));
    expect(waitsFor(now, present(clock))).toBeUndefined();
    return { type: 'vm.cancel-requested', data: {} };
  });
  expect(told).toMatch(/^for its source, which is tried again at 2026-\S+, until 2026-01-02T\S+: d$/);
  expect(course.state).toBe('CA');
  expect(steps.slice(-2)).toEqual(['removeTarget', 'tidySource']);
});

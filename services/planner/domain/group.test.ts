import type { TranshipEvent } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bad, good, passes, present, problem, queued, run, warm } from '../testing/course.ts';
import { apply, type Course } from './course.ts';
import { next } from './next.ts';
import { final, transition, waiting } from './states.ts';

const ids = ['vm-1', 'vm-2', 'vm-3'];

/** A group in memory, its VMs moved on in turns; `answer` tells how each step ends. */
function play(
  answer: (vm: string, step: string, course: Course) => TranshipEvent,
  admitted: readonly string[] = ids,
  from: readonly Course[] = ids.map((vm) => ({ ...queued({ group: ids }), vm })),
  away?: { readonly at: number; readonly ms: number },
) {
  const courses = new Map(from.map((course) => [course.vm, course]));
  const steps: string[] = [];
  let clock = Date.parse('2026-01-01T00:00:01Z');
  const say = (vm: string, event: TranshipEvent) => {
    const course = courses.get(vm)!;
    courses.set(vm, apply(course, event, { seq: course.seq + 1, time: new Date(clock).toISOString() }));
  };
  for (const vm of admitted) say(vm, { type: 'vm.admitted', data: {} });
  // Idle for longer than any pause between two tries: at rest.
  for (let still = 0, i = 0; still < 200 && i < 20_000; i++) {
    clock += i === away?.at ? away.ms : 1000;
    const vm = ids[i % ids.length]!;
    const course = courses.get(vm)!;
    const others = ids.filter((id) => id !== vm).map((id) => courses.get(id)!);
    const due = next(course, { ...present(clock), others });
    still = due ? 0 : still + 1;
    if (due?.kind === 'event') say(vm, due.event);
    else if (due) {
      steps.push(`${vm} ${due.step}`);
      say(vm, answer(vm, due.step, course));
    }
  }
  return { courses: ids.map((vm) => courses.get(vm)!), steps };
}
const states = (courses: readonly Course[]) => courses.map(({ state }) => state);
const first = (steps: readonly string[], step: string) => steps.findIndex((each) => each.endsWith(` ${step}`));
const last = (steps: readonly string[], step: string) => steps.findLastIndex((each) => each.endsWith(` ${step}`));

test('group - no source is stopped before all are prepared, and no target starts before all are ready', () => {
  const { courses, steps } = play((_, step, course) => good(step, course));
  expect(states(courses)).toEqual(['OK', 'OK', 'OK']);
  expect(first(steps, 'powerOff')).toBeGreaterThan(last(steps, 'prepare'));
  expect(first(steps, 'start')).toBeGreaterThan(last(steps, 'create'));
});

test('group - one that is not admitted yet holds the others, and stops none', () => {
  const { courses, steps } = play((_, step, course) => good(step, course), ['vm-1', 'vm-2']);
  expect(states(courses)).toEqual(['WT', 'WT', 'QU']);
  expect(steps).toEqual(['vm-1 prepare', 'vm-2 prepare']);
});

test.each(['powerOff', 'copy', 'convert', 'create'])(
  'group - one fails in %s: all are put back, with the reason',
  (broken) => {
    const { courses, steps } = play((vm, step, course) =>
      vm === 'vm-2' && step === broken ? bad(step, course, problem('service.internal')) : good(step, course),
    );
    expect(states(courses)).toEqual(['FA', 'FA', 'FA']);
    expect(courses.map(({ error }) => error?.code)).toEqual(['migration.group', 'service.internal', 'migration.group']);
    expect(courses[0]!.error!.detail).toContain('service.internal');
    expect(steps.filter((step) => step.endsWith('powerOn'))).toHaveLength(3);
    expect(first(steps, 'start')).toBe(-1);
  },
);

test('group - put back and tried again together, they begin anew', () => {
  let broken = true;
  const answer = (vm: string, step: string, course: Course) =>
    broken && vm === 'vm-2' && step === 'copy' ? bad(step, course, problem('transfer.read')) : good(step, course);
  const { courses } = play(answer);
  broken = false;
  const again = play(
    answer,
    [],
    courses.map((course) => apply(course, { type: 'vm.retried', data: {} }, { seq: 99, time: '2026-01-02T00:00:00Z' })),
  );
  expect(states(again.courses)).toEqual(['QU', 'QU', 'QU']);
  expect(states(play(answer, ids, again.courses).courses)).toEqual(['OK', 'OK', 'OK']);
});

test('group - no target starts before the sources of all were seen to be off; one that runs puts the others back', () => {
  const checks = (steps: readonly string[]) => steps.filter((step) => step.endsWith(' checkOff')).length;
  const { courses, steps } = play((_, step, course) => good(step, course));
  expect(states(courses)).toEqual(['OK', 'OK', 'OK']);
  expect(checks(steps.slice(0, first(steps, 'start')))).toBe(3);
  for (const late of ids) {
    const contested = play((vm, step, course) =>
      vm === late && step === 'checkOff' ? bad(step, course, problem('source.contested')) : good(step, course),
    );
    expect(first(contested.steps, 'start')).toBe(-1);
    expect(states(contested.courses)).toEqual(ids.map((vm) => (vm === late ? 'CO' : 'FA')));
    expect(contested.steps.filter((step) => step.endsWith(' powerOn'))).toHaveLength(2);
  }
});

const hour = 3_600_000;
const window = { cron: '0 0 * * *', forMs: hour, timeZone: 'UTC' };

test('group - the planner is away at any moment until the window is over: no half of a group stays down', () => {
  const from = ids.map((vm) => ({ ...queued({ group: ids, cutover: { mode: 'manual', window } }), vm }));
  const ends = Array.from({ length: 40 }, (_, at) => {
    const { courses } = play((_vm, step, course) => good(step, course), ids, from, { at, ms: 2 * hour });
    return states(courses).join();
  });
  expect(new Set(ends)).toEqual(new Set(['WT,WT,WT', 'OK,OK,OK']));
});

/** Two passes are made, and the cutover would be due but for the time. */
const ready = (over: Parameters<typeof warm>[0]) => {
  const { course } = run(warm({ group: ids, intervalMs: 10 * hour, ...over }), passes(2));
  return { ...course, state: 'WT', passes: course.passes.slice(0, 2) } as Course;
};
const askedFor: Partial<Course> = { cutover: { at: undefined, force: false, asked: '2026-01-01T00:00:00Z' } };

test.each([
  ['window', { ...ready({ cutover: { mode: 'manual', window } }), ...askedFor }],
  ['budget', ready({ cutover: { mode: 'budget', budgetMs: hour } })],
  ['rehearsal', { ...ready({}), ...askedFor, rehearsalAsked: true }],
  ['budget, asked for', { ...ready({ cutover: { mode: 'manual', budgetMs: hour } }), ...askedFor }],
])('group - once one has begun, no %s holds the others any more; one that is through pulls nobody', (_, course) => {
  const late = present(Date.parse('2026-01-01T20:00:00Z'));
  const forecast = { ...course.forecast!, high: 2 * 3_600 };
  const slow = { ...late, history: { ...late.history, boot: [2 * 3_600] } };
  const due = (others: Partial<Course>[]) =>
    next(
      { ...course, forecast },
      { ...slow, others: others.map((each, i) => ({ ...course, vm: ids[i + 1]!, ...each })) },
    );
  const begun = { event: { type: 'vm.cutover-due', data: { why: 'another of its group has begun' } } };
  expect(due([{ state: 'WT' }, { state: 'WT' }])).not.toMatchObject(begun);
  for (const state of ['ST', 'CP', 'CK'] as const) expect(due([{ state }, { state: 'WT' }])).toMatchObject(begun);
  expect(due([{ state: 'OK' }, { state: 'OK' }])).not.toMatchObject(begun);
});

test('group - one that is not to be started is done with only when the others may start', () => {
  const from = ids.map((vm) => ({ ...queued({ group: ids, start: vm !== 'vm-2' }), vm }));
  const { courses, steps } = play((_, step, course) => good(step, course), ids, from);
  expect(states(courses)).toEqual(['OK', 'OK', 'OK']);
  expect(steps.indexOf('vm-2 settle')).toBeGreaterThan(last(steps, 'checkOff'));
});

test('group - the model: under any answers, no target starts unless all of them can', () => {
  const outcome = fc.constantFrom('good', 'good', 'good', 'good', 'good', 'fail', 'again', 'cancel', 'contested');
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 80 }), (outcomes) => {
      let i = 0;
      const { courses, steps } = play((_, step, course) => {
        const what = outcomes[i++] ?? 'good';
        if (what === 'cancel' && transition(course.state, 'vm.cancel-requested') !== '__')
          return { type: 'vm.cancel-requested', data: {} };
        if (what === 'fail') return bad(step, course, problem('service.internal'));
        if (what === 'again') return bad(step, course, problem('service.unavailable', true), true);
        if (what === 'contested' && step === 'checkOff') return bad(step, course, problem('source.contested'));
        return good(step, course);
      });
      const started = steps.filter((step) => step.endsWith(' start')).length > 0;
      if (started) {
        expect(first(steps, 'start')).toBeGreaterThan(last(steps, 'create'));
        // All were seen to be off, and none whose target may have been started is put back.
        const before = steps.slice(0, first(steps, 'start'));
        expect(new Set(before.filter((step) => step.endsWith(' checkOff'))).size).toBe(ids.length);
        expect(steps.slice(first(steps, 'start')).filter((step) => / (removeTarget|powerOn)$/.test(step))).toEqual([]);
      }
      // Whoever began ends: moved, put back, or waiting for a person.
      for (const { state, restart } of courses) expect([...final, ...waiting]).toContain(restart ? 'FA' : state);
    }),
    {
      numRuns: 500,
      // Two are on their way back, which stops for a person, before the first is ready at last.
      examples: [[['again', 'cancel', 'good', 'again', 'cancel', 'good', 'again', 'fail', 'fail']]],
    },
  );
});

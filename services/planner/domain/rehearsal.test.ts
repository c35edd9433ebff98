import type { TranshipEvent } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, bad, good, passes, precopy, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { next } from './next.ts';
import { final, transition, waiting } from './states.ts';
import { waitsFor } from './waiting.ts';

const required = { rehearse: 'required' } as const;
const budget = { cutover: { mode: 'budget', budgetMs: 3_600_000 } } as const;
const asks: TranshipEvent = { type: 'vm.rehearsal-requested', data: {} };
const disk = warm().plan!.target.disks;
const cold = (over: Parameters<typeof queued>[0] = {}) =>
  queued({ ...required, target: { ...queued().plan!.target, disks: [...disk] }, ...over });

/** A rehearsal that fails, of the copy as it was. */
const fails = (course: Course, clock: number): TranshipEvent => {
  const told = good('rehearse', course, clock);
  return { ...told, data: { ...told.data, passed: false, error: problem('rehearsal.no-boot') } } as TranshipEvent;
};
/** The first so many rehearsals fail. */
const failing = (times: number) => {
  let left = times;
  return (step: string, course: Course, clock: number) =>
    step === 'rehearse' && left-- > 0 ? fails(course, clock) : good(step, course, clock);
};

test('rehearsal - a plan that requires it has the copy rehearsed once, after the inspection and before any downtime', () => {
  const { course, steps } = run(warm({ ...required, ...budget }), good);
  expect(course.state).toBe('OK');
  expect(steps.slice(0, 7)).toEqual(['prepare', ...precopy, 'inspect', 'rehearse']);
  expect(steps.filter((step) => step === 'rehearse')).toHaveLength(1);
  expect(steps.indexOf('rehearse')).toBeLessThan(steps.indexOf('powerOff'));
});

test('rehearsal - a plan that does not ask for it has none', () => {
  expect(run(warm(budget), good).steps).not.toContain('rehearse');
});

test('rehearsal - one that failed bars the cutover, forced or not, and says why; passes go on, and by the word it is made again of a newer copy', () => {
  const { course } = run(warm({ ...required, ...budget }), (step, now, clock) =>
    step === 'rehearse' ? fails(now, clock) : passes(3)(step, now, clock),
  );
  expect(course).toMatchObject({ stopped: false, results: { rehearse: { passed: false, pass: 1 } } });
  const back = { ...course, state: 'WT', passes: course.passes.slice(0, 3) } as Course;
  expect(waitsFor(back, present())).toMatch(/^for a rehearsal that passes: /);
  const forced = at(back, { type: 'vm.cutover-requested', data: { force: true } });
  expect(run(forced, passes(4)).steps).not.toContain('powerOff');
  const { course: end, steps } = run(at(forced, asks), good);
  expect(end.state).toBe('OK');
  expect(steps.slice(0, 3)).toEqual(['rehearse', 'inspect', 'powerOff']);
});

test('rehearsal - of the same copy nothing new is learnt: asked again, another pass comes first', () => {
  const inputs: { pass: number }[] = [];
  const { course } = run(warm({ ...required, intervalMs: 3_600_000 }), (step, now, clock) => {
    if (step === 'rehearse') inputs.push((next(now, present(clock)) as unknown as { input: { pass: number } }).input);
    if (step === 'rehearse') return fails(now, clock);
    return step === 'release' ? undefined : good(step, now, clock);
  });
  expect(course).toMatchObject({ state: 'RL', rehearsalAsked: false });
  const { steps } = run(at(course, asks), (step, now, clock) => {
    if (step === 'rehearse') inputs.push((next(now, present(clock)) as unknown as { input: { pass: number } }).input);
    return step === 'rehearse' && inputs.length > 1 ? undefined : good(step, now, clock);
  });
  expect(steps).toEqual(['release', 'prepare', ...precopy, 'rehearse']);
  expect(inputs).toMatchObject([{ pass: 1 }, { pass: 2 }]);
});

test('rehearsal - asked for without the plan, the workbench is made fit for it first; failing it bars nothing', () => {
  const made: unknown[] = [];
  let told = false;
  const { course, steps } = run(warm(budget), (step, now, clock) => {
    if (step === 'prepare') made.push((next(now, present(clock)) as { input: { rehearse: boolean } }).input.rehearse);
    if (step === 'removeSnapshot' && !told) {
      told = true;
      return asks;
    }
    return step === 'rehearse' ? fails(now, clock) : good(step, now, clock);
  });
  expect(made).toEqual([false, true]);
  expect(steps.slice(0, 9)).toEqual(['prepare', ...precopy, 'removeSnapshot', 'inspect', 'prepare', 'rehearse']);
  expect(course.state).toBe('OK');
});

test('rehearsal - what keeps it from being made is told as its failure: the source runs on, and nothing is undone', () => {
  const { course, steps } = run(warm({ ...required, ...budget }), (step, now, clock) =>
    step === 'rehearse' ? bad(step, now, problem('guest.xfs-unsupported')) : passes(2)(step, now, clock),
  );
  expect(course.results.rehearse).toMatchObject({ passed: false, pass: 1, error: { code: 'guest.xfs-unsupported' } });
  expect(steps).not.toContain('removeTarget');
});

test('rehearsal - a cold plan that requires it takes one pass while its source runs, and then what changed since', () => {
  const how: unknown[] = [];
  const { course, steps } = run(cold(), (step, now, clock) => {
    if (step === 'copy' || step === 'findChanges') how.push((next(now, present(clock)) as { input: unknown }).input);
    return good(step, now, clock);
  });
  expect(course.state).toBe('OK');
  expect(steps).toEqual([
    ...['prepare', ...precopy, 'inspect', 'rehearse', 'powerOff', 'findChanges', 'copy', 'prove', 'convert'],
    ...['handOver', 'create', 'checkOff', 'start', 'watchHealth', 'settle'],
  ]);
  const changes = { disks: [{ changeId: '52 aa/1' }] };
  expect(how).toMatchObject([{ pass: 1, snapshot: 'snapshot-1', disks: [{ how: 'full' }] }, changes, { pass: 2 }]);
});

test('rehearsal - a cold one that failed waits for a word, without passes and without a workbench; undone, its source is tidied', () => {
  const { course, steps } = run(cold(), failing(1));
  expect(course).toMatchObject({ state: 'WT', released: true, stopped: false });
  expect(steps).toEqual(['prepare', ...precopy, 'inspect', 'rehearse', 'release']);
  const again = run(at(course, asks), good);
  expect(again.steps.slice(0, 6)).toEqual(['prepare', ...precopy, 'rehearse']);
  expect(again.course.state).toBe('OK');
  const dropped = run(at(course, { type: 'vm.cancel-requested', data: {} }), good);
  expect(dropped.steps).toEqual(['removeTarget', 'tidySource']);
});

test('rehearsal - cancelled in the middle, the workbench goes at once and the source was never stopped', () => {
  const { course, steps } = run(warm(required), (step, now, clock) =>
    step === 'rehearse' ? { type: 'vm.cancel-requested', data: {} } : good(step, now, clock),
  );
  expect(course.state).toBe('CA');
  expect(steps.slice(-3)).toEqual(['rehearse', 'removeTarget', 'tidySource']);
});

test('rehearsal - the model: whatever is said and whatever fails, no source is stopped before the last rehearsal passed, and it is made in a workbench that was made for it', () => {
  const outcome = fc.constantFrom('good', 'good', 'good', 'again', 'fail', 'rehearse', 'cutover', 'pause', 'resume');
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 60 }), fc.boolean(), (outcomes, isCold) => {
      let i = 0;
      const words: Record<string, TranshipEvent> = {
        rehearse: asks,
        cutover: { type: 'vm.cutover-requested', data: { force: true } },
        pause: { type: 'vm.paused', data: {} },
        resume: { type: 'vm.resumed', data: {} },
      };
      const answered: string[] = [];
      const start = isCold ? cold() : warm({ ...required, ...budget, intervalMs: 3_600_000 });
      const { course } = run(start, (step, now, clock) => {
        if (step === 'powerOff') expect(now.results.rehearse).toMatchObject({ passed: true });
        if (step === 'rehearse') expect(now.results.prepare).toMatchObject({ rehearse: true });
        const what = outcomes[i++] ?? 'good';
        const word = words[what];
        if (word && transition(now.state, word.type as never) !== '__') return word;
        answered.push(`${step}/${now.attempt}`);
        if (what === 'again') return bad(step, now, problem('service.unavailable', true), true);
        if (what === 'fail' && step === 'rehearse') return fails(now, clock);
        return good(step, now, clock);
      });
      expect(new Set(answered).size).toBe(answered.length);
      const barred = (course.results.rehearse as { passed?: boolean } | undefined)?.passed === false;
      expect([...final, ...waiting, ...(course.paused || barred ? ['WT'] : [])]).toContain(course.state);
    }),
    { numRuns: 300 },
  );
});

import type { TranshipEvent, VmPlan } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, bad, good, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { transition } from './states.ts';
import { waitsFor, wakeAt } from './waiting.ts';
import { gateAt } from './window.ts';

const hour = 3_600_000;
const nightly = { cron: '0 22 * * *', forMs: 2 * hour, timeZone: 'UTC' };
const opening = Date.parse('2026-01-01T22:00:00Z');
/** Asks for the cutover in the course of the second pass, which is hours before the window opens. */
const asks = (force: boolean, more: Partial<VmPlan['cutover']> = {}) => {
  let told = false;
  const cutover = { mode: 'manual', window: nightly, ...more } as const;
  return run(warm({ cutover, intervalMs: hour }), (step, course, clock) => {
    if (step !== 'prove' || course.passes.length < 2 || told) return good(step, course, clock);
    told = true;
    return { type: 'vm.cutover-requested', data: { force } };
  }).course;
};
const stoppedAt = ({ entered }: Course) => Date.parse(entered.ST ?? '');

test('window - a cutover that is asked for outside waits for the opening, while passes go on; forced, it does not wait', () => {
  const course = asks(false);
  expect(course.state).toBe('OK');
  expect(stoppedAt(course)).toBeGreaterThanOrEqual(opening);
  expect(stoppedAt(course)).toBeLessThan(opening + 60_000);
  expect(course.passes.length).toBeGreaterThan(20);
  expect(stoppedAt(asks(true))).toBeLessThan(opening - 12 * hour);
});

test('window - it gates every mode, a cold migration too', () => {
  const at = '2026-01-01T06:00:00Z';
  for (const course of [
    run(warm({ cutover: { mode: 'at', at, window: nightly }, intervalMs: hour }), good).course,
    run(warm({ cutover: { mode: 'budget', budgetMs: hour, window: nightly }, intervalMs: hour }), good).course,
    run(queued({ cutover: { mode: 'manual', window: nightly } }), good).course,
  ]) {
    expect(course.state).toBe('OK');
    expect(stoppedAt(course)).toBeGreaterThanOrEqual(opening);
    expect(stoppedAt(course)).toBeLessThan(opening + 60_000);
  }
});

test('window - what would run over its end waits for the next; what no window holds is put off, with the reason', () => {
  const short = { ...nightly, cron: '*/10 * * * *', forMs: 150_000 };
  const course = asks(false, { window: short });
  // 114 s by the guesses: only the first half minute of a window leaves room for it.
  expect(course.state).toBe('OK');
  expect(stoppedAt(course) % 600_000).toBeLessThan(40_000);
  const never = asks(false, { window: { ...nightly, forMs: 100_000 } });
  expect(never).toMatchObject({ stopped: false, postponed: true });
});

test('window - the model: whatever is said and whatever fails, no source is stopped outside of it but by force', () => {
  const outcome = fc.constantFrom('good', 'good', 'good', 'again', 'cutover', 'pause', 'resume', 'deaf');
  const window = fc.record({ first: fc.integer({ min: 0, max: 23 }), minutes: fc.integer({ min: 1, max: 180 }) });
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 60 }), window, (outcomes, { first, minutes }) => {
      const nights = { cron: `0 ${first}-23/3 * * *`, forMs: minutes * 60_000, timeZone: 'UTC' };
      let i = 0;
      const cutover = { mode: 'budget', budgetMs: hour, window: nights } as const;
      run(warm({ cutover, intervalMs: hour / 2 }), (step, now, clock) => {
        if (step === 'powerOff') expect(gateAt(nights, Date.parse(now.entered.ST!))).toMatchObject({ open: true });
        const what = outcomes[i++] ?? 'good';
        const words: Record<string, TranshipEvent> = {
          cutover: { type: 'vm.cutover-requested', data: { force: false } },
          pause: { type: 'vm.paused', data: {} },
          resume: { type: 'vm.resumed', data: {} },
        };
        const word = words[what];
        if (word && transition(now.state, word.type as never) !== '__') return word;
        if (what === 'again') return bad(step, now, problem('service.unavailable', true), true);
        if (what === 'deaf' && step === 'powerOff') return bad(step, now, problem('source.shutdown-timeout'));
        return good(step, now, clock);
      });
    }),
    { numRuns: 100 },
  );
});

test('window - the status says for which opening it waits, and it is looked at then', () => {
  const course = at(queued({ cutover: { mode: 'manual', window: nightly } }), { type: 'vm.admitted', data: {} });
  const waiting = at(course, { type: 'vm.prepared', data: { pvcs: [], pod: 'p', rehearse: false } });
  expect(waitsFor(waiting, present(opening - hour))).toBe('for the window that opens at 2026-01-01T22:00:00.000Z');
  expect(wakeAt(waiting, present(opening - hour))).toBe(opening);
  expect(waitsFor(waiting, present(opening))).toBeUndefined();
  const ready = { ...asks(true), state: 'WT', cutover: { at: undefined, force: false, asked: '2026-01-01T05:00:00Z' } };
  expect(waitsFor(ready as Course, present(opening + 2 * hour - 60_000))).toMatch(
    /^for the window that opens at 2026-01-02T22:00:00.000Z: the forecast, [\d.]+ s, would run over the end/,
  );
});

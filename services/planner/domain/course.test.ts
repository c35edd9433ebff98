import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bad, good, plan, present, problem, queued, run } from '../testing/course.ts';
import { apply } from './course.ts';
import { dueStep, next } from './next.ts';
import { allEvents, allStates, final, type State, transition, waiting } from './states.ts';

describe('course', () => {
  test('course - a running VM walks every step in order and succeeds', () => {
    const { course, steps } = run(queued(), good);
    expect(course.state).toBe('OK');
    expect(steps).toEqual([
      'prepare',
      'powerOff',
      'findChanges',
      'copy',
      'prove',
      'convert',
      'handOver',
      'create',
      'checkOff',
      'start',
      'watchHealth',
      'settle',
    ]);
  });

  test('course - a sealed target is opened once its guest is well, and then watched as any other; what fails waits for a person', () => {
    const sealed = queued({ target: { ...plan().target, sealed: true } });
    const { course, steps } = run(sealed, good);
    expect(course.state).toBe('OK');
    expect(steps.slice(-4)).toEqual(['start', 'unseal', 'watchHealth', 'settle']);
    const closed = run(sealed, (step, now) =>
      step === 'unseal' ? bad(step, now, problem('target.unhealthy')) : good(step),
    );
    expect(closed.course.state).toBe('DN');
    expect(closed.steps.at(-1)).toBe('unseal');
    const retried = apply(closed.course, { type: 'vm.retried', data: {} }, { seq: 99, time: '' });
    expect(run(retried, good).steps).toEqual(['unseal', 'watchHealth', 'settle']);
  });

  test('course - a VM that shall not run is never started, and done with only once its source is seen to be off', () => {
    const still = () => queued({ start: false, power: 'poweredOff' });
    const { course, steps } = run(still(), good);
    expect(course.state).toBe('OK');
    expect(steps).not.toContain('start');
    expect(steps.slice(-3)).toEqual(['create', 'checkOff', 'settle']);
    const ran = run(still(), (step, now) =>
      step === 'checkOff' ? bad(step, now, problem('source.contested')) : good(step, now),
    );
    expect(ran.course.state).toBe('CO');
    expect(ran.steps).not.toContain('settle');
  });

  test('course - a log in which such a VM was done with unchecked still folds to its end', () => {
    const { course } = run(queued({ start: false }), (step, now) =>
      step === 'checkOff' ? undefined : good(step, now),
    );
    expect(course.state).toBe('CK');
    const settled = apply(course, { type: 'vm.settled', data: { removed: [] } }, { seq: 99, time: '' });
    expect(run(settled, good).course.state).toBe('OK');
  });

  test.each(['prepare', 'powerOff', 'findChanges', 'copy', 'prove', 'convert', 'handOver', 'create', 'checkOff'])(
    'course - a failure in %s removes the target and starts a source that we stopped',
    (broken) => {
      const { course, steps } = run(queued(), (step, now) =>
        step === broken ? bad(step, now, problem('service.internal')) : good(step),
      );
      expect(course.state).toBe('FA');
      expect(course.error?.code).toBe('service.internal');
      expect(steps).toContain('removeTarget');
      expect(steps.includes('powerOn')).toBe(broken !== 'prepare');
      expect(steps).not.toContain('start');
    },
  );

  test('course - a source that was off before is not started by going back', () => {
    const { steps } = run(queued({ power: 'poweredOff' }), (step, now) =>
      step === 'copy' ? bad(step, now, problem('transfer.read')) : good(step),
    );
    expect(steps).not.toContain('powerOn');
  });

  test.each(['start', 'watchHealth'])('course - a failure in %s waits for a person and removes nothing', (broken) => {
    const { course, steps } = run(queued(), (step, now) =>
      step === broken ? bad(step, now, problem('target.unhealthy')) : good(step),
    );
    expect(course.state).toBe('DN');
    expect(steps).not.toContain('removeTarget');
    expect(steps).not.toContain('powerOn');
  });

  test('course - a person may roll back after the target ran: it is stopped, kept, and the source runs', () => {
    const { course } = run(queued(), (step, now) =>
      step === 'watchHealth' ? bad(step, now, problem('target.unhealthy')) : good(step),
    );
    const told = apply(course, { type: 'vm.rollback-requested', data: {} }, { seq: 99, time: '' });
    const { course: end, steps } = run(told, good);
    expect(steps).toEqual(['stopTarget', 'powerOn']);
    expect(end.state).toBe('FA');
  });

  test('course - a source is not started beside a target that somebody started after its rollback: a person decides', () => {
    const { course } = run(queued(), (step, now) =>
      step === 'watchHealth' ? bad(step, now, problem('target.unhealthy')) : good(step, now),
    );
    const told = apply(course, { type: 'vm.rollback-requested', data: {} }, { seq: 99, time: '' });
    let input: unknown;
    const { course: held } = run(told, (step, now, clock) => {
      if (step !== 'powerOn') return good(step, now);
      input = (next(now, present(clock)) as { input: unknown }).input;
      return bad(step, now, problem('target.runs'));
    });
    expect(input).toMatchObject({ vm: 'vm-1', target: { namespace: 'apps', name: 'web-01' } });
    expect(held).toMatchObject({ state: 'DN', error: { code: 'target.runs' } });
    const again = apply(held, { type: 'vm.rollback-requested', data: {} }, { seq: 100, time: '' });
    expect(run(again, good).steps).toEqual(['stopTarget', 'powerOn']);
  });

  test('course - a source that somebody started is contested: nothing starts, nothing is deleted', () => {
    const { course, steps } = run(queued(), (step, now) =>
      step === 'checkOff' ? bad(step, now, problem('source.contested')) : good(step),
    );
    expect(course.state).toBe('CO');
    expect(steps.at(-1)).toBe('checkOff');
  });

  test('course - the check, and the start that checks once more, are told of the last start that was known when the final pass began', () => {
    const inputs: unknown[] = [];
    run(queued(), (step, now, clock) => {
      if (step === 'checkOff' || step === 'start') inputs.push((next(now, present(clock)) as { input: unknown }).input);
      return step === 'findChanges'
        ? ({ type: 'vm.changes-found', data: { lastStart: 7 } } as never)
        : good(step, now, clock);
    });
    expect(inputs).toMatchObject([
      { vm: 'vm-1', lastStart: 7 },
      { vm: 'vm-1', lastStart: 7 },
    ]);
  });

  test('course - a step tried again gets a new attempt, so that its command is a new message', () => {
    const seen: number[] = [];
    run(queued(), (step, now) => {
      if (step !== 'copy') return good(step);
      seen.push(now.attempt);
      return seen.length < 3 ? bad(step, now, problem('transfer.read', true), true) : good(step);
    });
    expect(new Set(seen).size).toBe(3);
  });

  test('course - cancel in the copy goes back at once and ends as cancelled', () => {
    const { course } = run(queued(), (step) =>
      step === 'copy' ? { type: 'vm.cancel-requested', data: {} } : good(step),
    );
    expect(course.state).toBe('CA');
  });

  test('course - cancel while the guest shuts down waits for the outcome, then starts it again', () => {
    let asked = false;
    const { course, steps } = run(queued(), (step) => {
      if (step !== 'powerOff' || asked) return good(step);
      asked = true;
      return { type: 'vm.cancel-requested', data: {} };
    });
    expect(steps).toEqual(['prepare', 'powerOff', 'powerOff', 'removeTarget', 'powerOn']);
    expect(course.state).toBe('CA');
  });

  test('course - retry after a failure begins anew with attempts that were never used', () => {
    const { course } = run(queued(), (step, now) =>
      step === 'copy' ? bad(step, now, problem('transfer.read')) : good(step),
    );
    const again = apply(course, { type: 'vm.retried', data: {} }, { seq: 50, time: '' });
    expect(again.state).toBe('QU');
    const { course: end } = run(again, good);
    expect(end.state).toBe('OK');
  });
});

describe('states', () => {
  test('states - every event leads nowhere or to a known state', () => {
    for (const state of allStates)
      for (const event of allEvents) expect([...allStates, '__', 'HI']).toContain(transition(state, event));
  });

  test('states - what waits for a person can be led on, and what is over stays over but for a retry and the archive', () => {
    for (const state of waiting) expect(allEvents.some((event) => transition(state, event) !== '__')).toBe(true);
    for (const state of final)
      for (const event of allEvents)
        if (!/^vm\.(retried|archive-requested)$/.test(event)) expect(['__', state]).toContain(transition(state, event));
  });

  test('states - the model: under any answers nothing starts before the proof and the live check, and no source is restarted after the target ran', () => {
    const outcome = fc.constantFrom('good', 'good', 'good', 'again', 'fail', 'contested', 'cancel');
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 40 }), fc.boolean(), (outcomes, start) => {
        let i = 0;
        const { course, steps } = run(queued({ start }), (step, now) => {
          const what = i < outcomes.length ? outcomes[i++]! : 'good';
          if (what === 'cancel' && transition(now.state, 'vm.cancel-requested') !== '__')
            return { type: 'vm.cancel-requested', data: {} };
          if (what === 'again') return bad(step, now, problem('service.unavailable', true), true);
          if (what === 'fail') return bad(step, now, problem('service.internal'));
          if (what === 'contested' && step === 'checkOff') return bad(step, now, problem('source.contested'));
          return good(step);
        });
        const rested: State[] = [...final, ...waiting];
        expect(rested).toContain(course.state);
        const started = steps.indexOf(start ? 'start' : 'settle');
        if (course.state === 'OK') expect(steps).toContain('checkOff');
        if (started >= 0) {
          expect(steps.lastIndexOf('prove')).toBeLessThan(started);
          expect(steps[started - 1]).toBe('checkOff');
          expect(steps.slice(started)).not.toContain('powerOn');
          expect(steps.slice(started)).not.toContain('removeTarget');
        }
        expect(dueStep(course) === undefined || !final.has(course.state)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

import type { TranshipEvent, VmPlan } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, bad, good, passes, precopy, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { next } from './next.ts';
import { final, type State, transition, waiting } from './states.ts';
import { autoInterval, waitsFor } from './waiting.ts';

const cutover = ['powerOff', 'findChanges', 'copy', 'prove', 'convert', 'handOver'];

test('warm - passes repeat, each with its own snapshot that is gone before the next; the forecast is told after each', () => {
  const { steps, course } = run(warm(), passes(3));
  expect(steps).toEqual(['prepare', ...precopy, 'inspect', ...precopy, ...precopy, 'snapshot']);
  expect(course.forecast).toMatchObject({ pass: 3 });
  expect(course.stopped).toBe(false);
});

test('warm - the first pass copies all, later ones what changed, and without known changes all is compared', () => {
  const how: unknown[] = [];
  run(warm(), (step, course, clock) => {
    if (step === 'copy') how.push((next(course, present(clock)) as { input: unknown }).input);
    if (course.passes.length === 3 && step === 'snapshot') {
      const event = good(step, course, clock) as { data: { disks: object[] } };
      const lost = event.data.disks.map((each) => ({ ...each, areas: undefined, lost: 'reset' }));
      return { ...event, data: { ...event.data, disks: lost } } as TranshipEvent;
    }
    return passes(3)(step, course, clock);
  });
  expect(how).toMatchObject([
    { pass: 1, snapshot: 'snapshot-1', disks: [{ how: 'full' }] },
    {
      pass: 2,
      snapshot: 'snapshot-2',
      disks: [{ how: 'delta', areas: 'digest', since: '52 aa/1', changeId: '52 aa/2' }],
    },
    { pass: 3, disks: [{ how: 'compare' }] },
  ]);
});
test('warm - a pass knows its claim and where the ledger of the proof before is kept; the final one is neither kept nor, unless so planned, read twice', () => {
  const inputs = (grade: VmPlan['proof']) => {
    const found: { copy: object[]; prove: object[] } = { copy: [], prove: [] };
    const budget = { mode: 'budget', budgetMs: 600_000 } as const;
    run(warm({ cutover: budget, proof: grade, audit: 0.01 }), (step, course, clock) => {
      const due = next(course, present(clock)) as { input: object };
      if (step === 'copy' || step === 'prove') found[step].push(due.input);
      const pvcs = [{ index: 0, name: 'disk-0', uid: 'a3c1', volume: 'pv-1' }];
      if (step === 'prepare') return { type: 'vm.prepared', data: { pvcs, pod: 'pod', rehearse: false } };
      const disks = [{ index: 0, root: 'r', leaves: 1, kept: `kept-${course.passes.length}` }];
      if (step === 'prove') return { type: 'vm.proved', data: { grade, disks, seconds: 1 } };
      return good(step, course, clock);
    });
    return found;
  };
  const claim = { uid: 'a3c1', volume: 'pv-1' };
  const { copy, prove } = inputs('full');
  expect(copy).toMatchObject([
    { grade: 'full', reread: false, audit: 0.01, disks: [{ claim }] },
    { reread: false, audit: 0.01, disks: [{ claim, kept: 'kept-1' }] },
    { reread: true, disks: [{ kept: 'kept-2' }] },
  ]);
  // Within the downtime the smallest sample, not a share of the disk.
  expect(copy[2]).toMatchObject({ audit: Number.EPSILON });
  expect(copy[0]).not.toHaveProperty('disks.0.kept');
  expect(prove).toMatchObject([{ grade: 'full', keep: true, disks: [{ claim }] }, { keep: true }, { keep: false }]);
  expect(inputs('standard').copy.at(-1)).toMatchObject({ grade: 'standard', reread: false });
});

test('warm - at a word the VM is stopped, what changed since is copied without a snapshot, and it succeeds', () => {
  const { course: waiting } = run(warm(), passes(2));
  const back = { ...waiting, state: 'WT', passes: waiting.passes.slice(0, 2) } as Course;
  const { course, steps } = run(
    at(back, { type: 'vm.cutover-requested', data: { force: false } }, '2026-01-01T00:00:01Z'),
    good,
  );
  expect(steps.slice(0, 7)).toEqual(['inspect', ...cutover]);
  expect(course.state).toBe('OK');
  expect(course.passes.at(-1)).toMatchObject({ pass: 3, snapshot: undefined });
});

test('warm - at a time: passes go on until then, and no cutover comes before', () => {
  const when = '2026-01-01T00:20:00+00:00';
  const { course, steps, clock } = run(warm({ cutover: { mode: 'at', at: when }, intervalMs: 300_000 }), good);
  expect(course.state).toBe('OK');
  expect(clock).toBeGreaterThan(Date.parse(when));
  expect(Date.parse(course.entered.ST!)).toBeGreaterThanOrEqual(Date.parse(when));
  expect(steps.filter((step) => step === 'snapshot').length).toBeGreaterThan(2);
});

test('warm - by budget: it cuts over by itself once the forecast fits, and not before it is known', () => {
  const { course, steps } = run(warm({ cutover: { mode: 'budget', budgetMs: 600_000 } }), good);
  expect(steps.filter((step) => step === 'snapshot')).toHaveLength(2);
  expect(course.state).toBe('OK');
});

test('warm - over the budget the source is not stopped; forced, it is', () => {
  const tight = warm({ cutover: { mode: 'manual', budgetMs: 1_000 } });
  const asked = (force: boolean) => {
    let told = false;
    return run(tight, (step, course, clock) => {
      if (step === 'prove' && course.passes.length === 2 && !told) {
        told = true;
        return { type: 'vm.cutover-requested', data: { force } };
      }
      return passes(3)(step, course, clock);
    });
  };
  expect(asked(false)).toMatchObject({ course: { stopped: false, postponed: true } });
  expect(asked(false).steps).not.toContain('powerOff');
  expect(asked(true).course.state).toBe('OK');
});

const low = { type: 'vm.guarded', data: { error: problem('source.low-space') } } as const;

test.each(['snapshot', 'copy', 'prove'])(
  'guard - no room in the middle of %s: the snapshot goes, none is taken until there is room, then the pass is made again',
  (stop) => {
    let told = false;
    const inputs: unknown[] = [];
    const answer = (step: string, course: Course, clock: number): TranshipEvent | undefined => {
      if (step === 'removeSnapshot' || step === 'copy')
        inputs.push({ step, ...(next(course, present(clock)) as { input: object }).input });
      if (step !== stop || course.passes.length < 2 || told) return passes(3)(step, course, clock);
      told = true;
      return step === 'snapshot' ? bad(step, course, problem('source.low-space')) : low;
    };
    const { course, steps } = run(warm(), answer);
    expect(course).toMatchObject({ state: 'WT', guarded: { code: 'source.low-space' } });
    expect(course.passes.map(({ pass }) => pass)).toEqual([1]);
    // Nobody knows for how long: the workbench goes too.
    expect(steps.slice(-2)).toEqual(['removeSnapshot', 'release']);
    // Whoever reads at the snapshot has an older attempt, and some time to let go of it.
    const { graceMs, name } = inputs.at(-1) as { graceMs?: number; name: string };
    expect(graceMs).toBe(stop === 'copy' ? 10_000 : undefined);
    expect(name).toBe('tranship-p-1-vm-1-2');
    const again = run(at(course, { type: 'vm.eased', data: {} }), passes(3));
    expect(again.steps).toEqual(['prepare', ...precopy, ...precopy, 'snapshot']);
    expect(again.course.passes.map(({ pass }) => pass)).toEqual([1, 2, 3, 4]);
  },
);

test('guard - a cutover needs no snapshot: it is not kept from it, and its last pass is none that was given up', () => {
  let told = false;
  const { course } = run(warm(), (step, now, clock) => {
    if (step !== 'copy' || now.passes.length < 2 || told) return good(step, now, clock);
    told = true;
    return low;
  });
  expect(waitsFor(course, present())).toBe('for room: d');
  const { course: end, steps } = run(at(course, { type: 'vm.cutover-requested', data: { force: false } }), good);
  expect(end.state).toBe('OK');
  expect(steps).not.toContain('snapshot');
  expect(end.passes.at(-1)).toMatchObject({ pass: 2, snapshot: undefined });
});

test('guard - given up in its first pass and cancelled, the source is tidied: change tracking may have been turned on', () => {
  const { course } = run(warm(), (step, now, clock) => (step === 'copy' ? low : good(step, now, clock)));
  expect(course).toMatchObject({ state: 'WT', passes: [] });
  const { steps } = run(at(course, { type: 'vm.cancel-requested', data: {} }), good);
  expect(steps).toEqual(['removeTarget', 'tidySource']);
});

test.each(['source.shutdown-timeout', 'source.shutdown-refused'] as const)(
  'warm - after %s the guest goes on, and so do the passes; nothing cuts over again by itself',
  (code) => {
    const { course, steps } = run(warm({ cutover: { mode: 'budget', budgetMs: 600_000 } }), (step, now, clock) =>
      step === 'powerOff' ? bad(step, now, problem(code)) : passes(4)(step, now, clock),
    );
    expect(steps.filter((step) => step === 'powerOff')).toHaveLength(1);
    expect(steps.slice(steps.indexOf('powerOff') + 1)).toEqual([...precopy, ...precopy, 'snapshot']);
    // It was told to stop, and may still do so: whoever goes back starts it again.
    expect(course).toMatchObject({ postponed: true, stopped: true });
    expect(steps).not.toContain('removeTarget');
  },
);

test('warm - put off over its budget, passes go on as before; after a guest did not shut down, one looks soon, once', () => {
  const gaps = (from: Course) =>
    from.passes.slice(1).map(({ started }, i) => Date.parse(started) - Date.parse(from.passes[i]!.finished!));
  const asked = (step: string, now: Course, clock: number, after: number) =>
    step === 'prove' && now.passes.length === 2 && !now.postponed && !now.cutover
      ? ({ type: 'vm.cutover-requested', data: { force: false } } as const)
      : passes(after)(step, now, clock);
  const over = run(warm({ cutover: { mode: 'manual', budgetMs: 1_000 }, intervalMs: 600_000 }), (step, now, clock) =>
    asked(step, now, clock, 4),
  );
  expect(over.course.postponed).toBe(true);
  for (const gap of gaps(over.course)) expect(gap).toBeGreaterThanOrEqual(600_000);
  const deaf = run(warm({ intervalMs: 600_000 }), (step, now, clock) =>
    step === 'powerOff' ? bad(step, now, problem('source.shutdown-timeout')) : asked(step, now, clock, 4),
  );
  const [, second, third] = gaps(deaf.course);
  expect(second).toBeLessThan(120_000);
  expect(third).toBeGreaterThanOrEqual(600_000);
});

test('warm - paused it makes no pass and no cutover; resumed it goes on', () => {
  const { course } = run(warm(), (step, now, clock) =>
    step === 'prove' && !now.paused ? { type: 'vm.paused', data: {} } : good(step, now, clock),
  );
  expect(course).toMatchObject({ state: 'WT', paused: true });
  const asked = at(course, { type: 'vm.cutover-requested', data: { force: true } });
  expect(run(asked, good).steps).toEqual([]);
  expect(run(at(asked, { type: 'vm.resumed', data: {} }), good).course.state).toBe('OK');
});

test.each(['snapshot', 'copy', 'prove', 'removeSnapshot'])(
  'warm - a failure in %s before the cutover leaves the source as it was, running',
  (broken) => {
    const { course, steps } = run(warm(), (step, now, clock) =>
      step === broken ? bad(step, now, problem('service.internal')) : good(step, now, clock),
    );
    expect(course.state).toBe('FA');
    expect(steps.slice(-2)).toEqual(['removeTarget', 'tidySource']);
    expect(steps).not.toContain('powerOff');
  },
);

test('warm - change tracking that was off is turned off again when all is undone', () => {
  const undone = (tracking: boolean) => {
    let input: unknown;
    run(warm({ tracking }), (step, now, clock) => {
      if (step === 'tidySource') input = (next(now, present(clock)) as { input: unknown }).input;
      return step === 'copy' ? bad(step, now, problem('service.internal')) : good(step, now, clock);
    });
    return input;
  };
  expect(undone(false)).toMatchObject({ tracking: 'off', prefix: 'tranship-p-1-vm-1-' });
  expect(undone(true)).toMatchObject({ tracking: 'keep' });
});

const atTheBench = new Set(['snapshot', 'copy', 'prove', 'inspect', 'powerOff', 'convert']);
const stands = (steps: readonly string[]) => steps.findLast((step) => /^(prepare|release)$/.test(step)) === 'prepare';

test('warm - the model: under any answers no source is stopped while a snapshot of ours is open, before the guest was inspected or without a workbench, and nothing starts before the final proof', () => {
  const outcome = fc.constantFrom(
    'good',
    'good',
    'good',
    'good',
    'again',
    'fail',
    'cancel',
    'cutover',
    'pause',
    'resume',
    'low',
    'eased',
  );
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 60 }), fc.constantFrom(60_000, 3_600_000), (outcomes, intervalMs) => {
      let i = 0;
      const answered: string[] = [];
      const words: Record<string, TranshipEvent> = {
        cancel: { type: 'vm.cancel-requested', data: {} },
        cutover: { type: 'vm.cutover-requested', data: { force: true } },
        pause: { type: 'vm.paused', data: {} },
        resume: { type: 'vm.resumed', data: {} },
        low,
        eased: { type: 'vm.eased', data: {} },
      };
      const plan = { intervalMs, cutover: { mode: 'budget', budgetMs: 600_000 } } as const;
      const { course, steps } = run(warm(plan), (step, now, clock) => {
        const what = outcomes[i++] ?? 'good';
        const word = words[what];
        if (word && transition(now.state, word.type as never) !== '__') return word;
        answered.push(`${step}/${now.attempt}`);
        if (what === 'again') return bad(step, now, problem('service.unavailable', true), true);
        if (what === 'fail') return bad(step, now, problem('service.internal'));
        return good(step, now, clock);
      });
      // What was answered once is never asked again: workers would give the old answer.
      expect(new Set(answered).size).toBe(answered.length);
      const rested: State[] = [...final, ...waiting, ...(course.paused || course.guarded ? (['WT'] as const) : [])];
      expect(rested).toContain(course.state);
      const stopped = steps.indexOf('powerOff');
      if (stopped >= 0)
        expect(
          steps
            .slice(0, stopped)
            .filter((step) => precopy.includes(step))
            .at(-1),
        ).toBe('removeSnapshot');
      // Of the last copy before: nothing but a workbench may come between.
      if (stopped >= 0)
        expect(
          steps
            .slice(0, stopped)
            .filter((step) => step === 'inspect' || step === 'removeSnapshot')
            .at(-1),
        ).toBe('inspect');
      for (const [i, step] of steps.entries()) if (atTheBench.has(step)) expect(stands(steps.slice(0, i))).toBe(true);
      const started = steps.indexOf('start');
      if (started >= 0) {
        expect(steps.lastIndexOf('findChanges')).toBeLessThan(steps.lastIndexOf('prove'));
        expect(steps.slice(started)).not.toContain('powerOn');
      }
      if (course.state === 'FA' && steps.includes('snapshot')) expect(steps).toContain('tidySource');
    }),
    { numRuns: 500 },
  );
});

test('interval - it follows the write rate, between a minute and an hour', () => {
  const mib = 2 ** 20;
  expect(autoInterval(0, 100 * mib)).toBe(3_600_000);
  expect(autoInterval(100 * mib, 100 * mib)).toBe(60_000);
  expect(autoInterval(10 * mib, 100 * mib)).toBe(200_000);
});

test('warm - a guest that shuts down too late has cut over after all', () => {
  const { course, steps } = run(warm(), (step, now, clock) => {
    if (step === 'powerOff' && now.tries === 1 && !now.postponed && !late) {
      late = true;
      return bad(step, now, problem('source.shutdown-timeout'));
    }
    const event = good(step, now, clock);
    if (step === 'prove' && now.passes.length === 1 && !now.cutover)
      return { type: 'vm.cutover-requested', data: { force: true } };
    return step === 'snapshot' && late
      ? ({ ...event, data: { ...event.data, powerState: 'poweredOff' } } as TranshipEvent)
      : event;
  });
  expect(course.state).toBe('OK');
  expect(steps.filter((step) => step === 'powerOff')).toHaveLength(2);
});
let late = false;

test('rollback - it asks for its steps anew, and does not go round for ever', () => {
  const attempts: string[] = [];
  const { course } = run(queued({ onUnhealthy: 'rollback' }), (step, now) => {
    attempts.push(`${step}/${now.attempt}`);
    if (step === 'watchHealth' || step === 'stopTarget') return bad(step, now, problem('target.unhealthy'));
    return good(step, now);
  });
  expect(course.state).toBe('DN');
  expect(new Set(attempts).size).toBe(attempts.length);
  expect(attempts.filter((each) => each.startsWith('stopTarget'))).toHaveLength(1);
});

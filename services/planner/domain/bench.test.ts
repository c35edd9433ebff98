import type { TranshipEvent } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { at, bad, good, passes, precopy, present, problem, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { facts } from './facts.ts';
import { next } from './next.ts';
import { wakeAt } from './waiting.ts';

const hour = 3_600_000;
const distant = { intervalMs: hour } as const;

test('workbench - with the next pass far away it is released, and stands again before the pass, with its volumes', () => {
  const { steps, course } = run(warm(distant), passes(2));
  expect(steps).toEqual([
    'prepare',
    ...precopy,
    'inspect',
    'release',
    'prepare',
    ...precopy,
    'release',
    'prepare',
    'snapshot',
  ]);
  expect(course.passes.map(({ pass }) => pass)).toEqual([1, 2, 3]);
});

/** A course that rests without its workbench, an hour before its next pass. */
const resting = () => {
  const { course, clock } = run(warm(distant), (step, now, clock) =>
    step === 'release' ? undefined : good(step, now, clock),
  );
  const time = new Date(clock).toISOString();
  return { course: at(course, { type: 'vm.released', data: { removed: [] } }, time), clock };
};

test('workbench - nothing is due while it rests; it is looked at again a little ahead of the pass', () => {
  const { course, clock } = resting();
  expect(course).toMatchObject({ state: 'WT', released: true });
  expect(next(course, present(clock))).toBeUndefined();
  const wake = wakeAt(course, present())!;
  expect(next(course, present(wake - 1))).toBeUndefined();
  expect(next(course, present(wake))).toMatchObject({ event: { type: 'vm.prepare-due' } });
  const due = wake + present().releaseAfterMs / 10;
  expect(next({ ...course, released: false }, present(due))).toMatchObject({ event: { type: 'vm.pass-started' } });
});

test('workbench - a cutover that a person asks for waits for it, and no source is stopped before', () => {
  const { course, clock } = resting();
  const asked = at(course, { type: 'vm.cutover-requested', data: { force: false } }, new Date(clock).toISOString());
  // The only pass was inspected already.
  expect(run(asked, good).steps.slice(0, 2)).toEqual(['prepare', 'powerOff']);
  const { course: end, steps } = run(asked, (step, now) =>
    step === 'prepare' ? bad(step, now, problem('target.workbench')) : good(step, now),
  );
  expect(end.state).toBe('FA');
  expect(steps).not.toContain('powerOff');
});

test('workbench - one that will not go stays: the course goes on, and does not try again before the next pass', () => {
  const { steps, course } = run(warm(distant), (step, now, clock) =>
    step === 'release' ? bad(step, now, problem('target.workbench-alive')) : passes(2)(step, now, clock),
  );
  expect(steps).toEqual([
    'prepare',
    ...precopy,
    'inspect',
    'release',
    'prepare',
    ...precopy,
    'release',
    'prepare',
    'snapshot',
  ]);
  expect(course.state).toBe('SN');
});

test('workbench - paused it is released, resumed it stands again', () => {
  const { course } = run(warm(), (step, now, clock) =>
    step === 'prove' && !now.paused ? { type: 'vm.paused', data: {} } : good(step, now, clock),
  );
  expect(course).toMatchObject({ state: 'WT', paused: true, released: true });
  const resumed = at(course, { type: 'vm.resumed', data: {} });
  expect(run(resumed, passes(1)).steps).toEqual(['prepare', 'snapshot']);
});

test('workbench - cancelled while it rests, all that is left goes', () => {
  const { course, clock } = resting();
  const told = at(course, { type: 'vm.cancel-requested', data: {} }, new Date(clock).toISOString());
  const { course: end, steps } = run(told, good);
  expect(steps).toEqual(['removeTarget', 'tidySource']);
  expect(end.state).toBe('CA');
});

test('workbench - of a group no source is stopped while another’s workbench rests', () => {
  const { course, clock } = resting();
  const group = ['vm-1', 'vm-2'];
  const asked = at(
    { ...course, plan: { ...course.plan!, group } },
    { type: 'vm.cutover-requested', data: { force: false } },
    new Date(clock).toISOString(),
  );
  const other: Course = { ...asked, vm: 'vm-2' };
  const here = present(clock);
  const ready = { ...asked, released: false };
  expect(next(asked, { ...here, others: [other] })).toMatchObject({ event: { type: 'vm.prepare-due' } });
  expect(next(ready, { ...here, others: [other] })).toBeUndefined();
  expect(next(ready, { ...here, others: [{ ...other, released: false }] })).toMatchObject({
    event: { type: 'vm.cutover-due' },
  });
});

test('workbench - of one that waits for its group alone it stays, however far its next pass is', () => {
  const { course, clock } = resting();
  const told = at(
    { ...course, released: false, plan: { ...course.plan!, group: ['vm-1', 'vm-2'] } },
    { type: 'vm.cutover-requested', data: { force: false } },
    new Date(clock).toISOString(),
  );
  // As if it had never been released since its last pass.
  const { RL: _, ...entered } = told.entered;
  const ready: Course = { ...told, entered };
  const other: Course = { ...ready, vm: 'vm-2', state: 'PC' };
  expect(next({ ...ready, cutover: undefined }, { ...present(clock), others: [other] })).toMatchObject({
    event: { type: 'vm.release-due' },
  });
  expect(next(ready, { ...present(clock), others: [other] })).toBeUndefined();
});

const inspected = (category: 'critical' | 'warning', id: string): TranshipEvent =>
  ({
    type: 'vm.inspected',
    data: {
      supported: category !== 'critical',
      concerns: [{ id, category, label: 'l', why: 'its root is on btrfs', fix: 'f', path: 'guest' }],
      changes: [{ path: '/etc/fstab', before: 'a', after: 'b', diff: '-x\n+y\n' }],
    },
  }) as unknown as TranshipEvent;
const finding = (category: 'critical' | 'warning', id: string) => (step: string, now: Course, clock: number) =>
  step === 'inspect' ? inspected(category, id) : good(step, now, clock);

test('inspection - a guest that cannot be converted fails before the power-off, with the reason; all is tidied', () => {
  const { course, steps } = run(
    warm({ cutover: { mode: 'budget', budgetMs: hour } }),
    finding('critical', 'guest.btrfs-unsupported'),
  );
  expect(course).toMatchObject({
    state: 'FA',
    stopped: false,
    error: { code: 'guest.btrfs-unsupported', detail: 'its root is on btrfs', retry: false },
  });
  expect(steps).toEqual(['prepare', ...precopy, 'inspect', 'removeTarget', 'tidySource']);
  expect(run(warm(), finding('critical', 'guest.of-a-newer-converter')).course.error?.code).toBe('guest.unsupported');
});

test('inspection - a warning holds nothing; a plan without conversion, and a cold one, is not inspected', () => {
  const budget = { cutover: { mode: 'budget', budgetMs: hour } } as const;
  expect(run(warm(budget), finding('warning', 'guest.dirty')).course.state).toBe('OK');
  expect(run(warm({ ...budget, convert: 'none' }), good).steps).not.toContain('inspect');
  expect(run(queued(), good).steps).not.toContain('inspect');
});

test('inspection - a cold plan that requires it takes one pass while the source runs, and stops nothing that cannot be converted', () => {
  const cold = queued({ inspect: 'required', target: warm().plan!.target });
  const well = run(cold, good);
  expect(well.course.state).toBe('OK');
  expect(well.steps.slice(0, 7)).toEqual(['prepare', ...precopy, 'inspect', 'powerOff']);
  const { course, steps } = run(cold, finding('critical', 'guest.btrfs-unsupported'));
  expect(course).toMatchObject({ state: 'FA', stopped: false, error: { code: 'guest.btrfs-unsupported' } });
  expect(steps).not.toContain('powerOff');
});

const noSpace = inspected('critical', 'guest.no-space');
/** The guest fills up after its first inspection, and is mended before pass `mended`. */
const filling = (mended: number) => {
  const looks: number[] = [];
  const answer = (step: string, now: Course, clock: number): TranshipEvent => {
    if (step !== 'inspect') return good(step, now, clock);
    looks.push(now.passes.length);
    return now.passes.length > 1 && now.passes.length < mended ? noSpace : good(step, now, clock);
  };
  return { looks, answer };
};

test('inspection - right before the cutover the last copy is looked through again, and that once', () => {
  const { looks, answer } = filling(0);
  const { course, steps } = run(warm({ cutover: { mode: 'budget', budgetMs: hour } }), answer);
  expect(course.state).toBe('OK');
  expect(looks).toEqual([1, 2]);
  expect(steps[steps.indexOf('powerOff') - 1]).toBe('inspect');
});

test('inspection - a guest that filled up since is not stopped: by budget the passes go on until it converts', () => {
  const { looks, answer } = filling(4);
  const { course, steps } = run(warm({ cutover: { mode: 'budget', budgetMs: hour } }), answer);
  expect(course.state).toBe('OK');
  expect(looks).toEqual([1, 2, 3, 4]);
  expect(steps).not.toContain('removeTarget');
});

test('inspection - asked by a person, the cutover is put off with the reason; what was mended since comes with one more pass', () => {
  const { course } = run(warm(), passes(2));
  const back = { ...course, state: 'WT', passes: course.passes.slice(0, 2) } as Course;
  const asked = (time: string) => at(back, { type: 'vm.cutover-requested', data: { force: true } }, time);
  const refused = run(asked('2026-01-01T00:00:01Z'), (step) => (step === 'inspect' ? noSpace : undefined));
  expect(refused).toMatchObject({ steps: ['inspect', 'snapshot'], course: { postponed: true, stopped: false } });
  let looks = 0;
  const mended = run(asked('2026-01-01T05:00:00Z'), (step, now, clock) =>
    step === 'inspect' && ++looks === 1 ? noSpace : good(step, now, clock),
  );
  expect(mended.steps.slice(0, 7)).toEqual(['inspect', ...precopy, 'inspect', 'powerOff']);
  expect(mended.course.state).toBe('OK');
});

test('inspection - a course keeps the names of what would change, its diffs are in the event alone', () => {
  const { course } = run(warm({ cutover: { mode: 'budget', budgetMs: hour } }), finding('warning', 'guest.dirty'));
  expect(course.results.inspect).toMatchObject({ files: { count: 1, paths: ['/etc/fstab'] } });
  expect(JSON.stringify(course)).not.toContain('-x');
  const many = { changes: Array.from({ length: 100 }, (_, i) => ({ path: `/${i}`, before: null, after: 'text' })) };
  expect(facts({ engine: 'direct', ...many })).toEqual({
    ...{ engine: 'direct', files: { count: 100, paths: many.changes.slice(0, 32).map(({ path }) => path) } },
  });
});

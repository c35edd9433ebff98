import { expect, test } from 'vitest';
import { allowance, bound, type Course, judge } from './judge.ts';
import { line, reasons } from './render.ts';
import { kills, matrix, rowsOf, steps } from './table.ts';

const mib = 1024 ** 2;
const gib = 1024 * mib;
const due = { copy: 400 * mib, prove: 0, delta: 300 * mib, final: 300 * mib };
const read = { copy: [400 * mib], prove: [0], delta: [300 * mib], final: [300 * mib] };
const course = (more: Partial<Course>): Course => ({
  kill: 'worker',
  steps: ['copy', 'prove', 'delta', 'final'],
  disks: [{ sizeBytes: gib, due }],
  strikes: steps.map((step) => ({ step })),
  read,
  written: {},
  problems: [],
  seconds: 100,
  ...more,
});
const failed = (each: Course) => judge(each).flatMap(({ step, problems }) => (problems.length > 0 ? [step] : []));

test('table - every kill is there once, none and all filters choose, what is unknown is named with what there is', () => {
  expect(rowsOf()).toHaveLength(kills.length);
  expect(rowsOf('pod,nats', 'final')).toEqual([
    { kill: 'pod', steps: ['final'] },
    { kill: 'nats', steps: ['final'] },
  ]);
  expect(rowsOf('nbdkit', 'prove')).toEqual([]);
  expect(() => rowsOf('pods')).toThrow('no kill pods: none, worker');
  expect(() => rowsOf(undefined, 'copy, paste')).toThrow('no step paste: prepare');
});

test('table - the steps of a row are in the order of the course', () => {
  for (const row of Object.values(matrix)) {
    const places = row.map((step) => steps.indexOf(step));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  }
});

test('bound - 64 MiB, or one in a hundred of a large disk', () => {
  expect(bound(gib)).toBe(64 * mib);
  expect(bound(100 * gib)).toBe(gib);
});

test('allowance - nothing where nothing is read, a re-read without the ledger, else the bound', () => {
  for (const step of ['prepare', 'snapshot', 'prove', 'hand-over'] as const)
    expect(allowance('worker', step, gib)).toBe(0);
  expect(allowance('none', 'copy', gib)).toBe(0);
  expect(allowance('worker', 'copy', gib)).toBe(64 * mib);
  expect(allowance('scratch', 'prove', gib)).toBe(gib);
});

test('judge - up to the bound a cell passes, a byte more fails it alone', () => {
  expect(failed(course({ read: { ...read, delta: [364 * mib] } }))).toEqual([]);
  const over = course({ read: { ...read, delta: [364 * mib + 1] } });
  expect(failed(over)).toEqual(['delta']);
  expect(reasons(judge(over))).toEqual(['  worker at delta: disk 0: 64 MiB read again, 64 MiB allowed']);
});

test('judge - the worst disk counts, and each by its own size', () => {
  const disks = [gib, 10 * gib].map((sizeBytes) => ({ sizeBytes, due }));
  const two = (small: number, large: number) => ({
    disks,
    read: {
      ...read,
      prove: [0, 0],
      delta: read.delta.concat(read.delta),
      final: read.final.concat(read.final),
      copy: [small, large],
    },
  });
  expect(failed(course(two(400 * mib, 500 * mib)))).toEqual([]);
  expect(failed(course(two(500 * mib, 400 * mib)))).toEqual(['copy']);
});

test('judge - two hits in one window may cost what both may, no more', () => {
  const both = { kill: 'planner', steps: ['snapshot', 'copy'] } as const;
  expect(failed(course({ ...both, read: { ...read, copy: [464 * mib] } }))).toEqual([]);
  expect(failed(course({ ...both, read: { ...read, copy: [470 * mib] } }))).toEqual(['snapshot', 'copy']);
  expect(failed(course({ kill: 'planner', steps: ['snapshot'], read: { ...read, copy: [401 * mib] } }))).toEqual([
    'snapshot',
  ]);
});

test('judge - without its ledger a disk may be read as a whole, but not written again', () => {
  const lost = { kill: 'scratch', read: { ...read, copy: [900 * mib] } } as const;
  const within = { copy: [264 * mib], prove: [64 * mib], delta: [300 * mib] };
  expect(failed(course({ ...lost, written: within }))).toEqual([]);
  const beyond = { copy: [265 * mib], prove: [65 * mib], delta: [301 * mib] };
  expect(failed(course({ ...lost, written: beyond }))).toEqual(['copy', 'prove', 'delta']);
});

test('judge - less than there is to read cannot be: the copy or the counter lies', () => {
  expect(failed(course({ read: { ...read, copy: [399 * mib] } }))).toEqual(['copy']);
});

test('judge - a miss fails its cell, an end that is wrong fails the row, and what was not reached failed', () => {
  const strikes = steps.map((step) => (step === 'prove' ? { step, missed: 'it was over' } : { step }));
  expect(failed(course({ strikes }))).toEqual(['prove']);
  expect(failed(course({ problems: ['disk 0 differs'] }))).toEqual(['copy', 'prove', 'delta', 'final']);
  expect(failed(course({ strikes: [{ step: 'copy' }], read: { copy: read.copy } }))).toEqual([
    'prove',
    'delta',
    'final',
  ]);
});

test('render - a row shows what each hit cost, and where it failed', () => {
  const one = course({ read: { ...read, copy: [412 * mib], final: [500 * mib] } });
  expect(line(one, judge(one)).split(/ {2,}/)).toEqual([
    'worker',
    '·',
    '·',
    '12 MiB',
    '0 MiB',
    '0 MiB',
    'FAIL',
    '·',
    '100',
  ]);
});

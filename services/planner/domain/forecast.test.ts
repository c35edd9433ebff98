import type { TargetDisk, VmPlan } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { queued } from '../testing/course.ts';
import type { Course } from './course.ts';
import { historyOf } from './downtime.ts';
import { forecast, type History } from './forecast.ts';
import { type Pass, startPass } from './passes.ts';

const gib = 1024 ** 3;
const history = { shutdown: [10], convert: [2], handOver: [3], boot: [20] };

/** A VM whose passes read at 100 MiB/s, and whose guest writes nothing. */
function told(sizeBytes: number, { audit, proof }: Pick<VmPlan, 'audit' | 'proof'>) {
  const at = '2026-01-01T00:00:00Z';
  const pass = { ...startPass(1, at), finished: at, readBytes: gib, seconds: 10.24 };
  const target = { disks: [{ index: 0, sizeBytes }] as unknown as TargetDisk[] } as VmPlan['target'];
  return forecast([pass], { target, audit, proof }, Date.parse(at), history).parts;
}

test('forecast - the sample that the final pass takes is in it, and does not grow with the disk', () => {
  const small = told(gib, { audit: 0.01, proof: 'standard' });
  expect(told(1024 * gib, { audit: 0.01, proof: 'standard' })).toEqual(small);
  expect(small.delta - told(gib, { audit: 0, proof: 'standard' }).delta).toBeCloseTo(0.3, 1);
});

test('forecast - a full proof reads the whole disk once more within the downtime', () => {
  const { delta, prove } = told(100 * gib, { audit: 0, proof: 'full' });
  expect(delta).toBeCloseTo(1 + 1024, 0);
  expect(prove).toBeLessThan(2);
});

const mib = 1024 ** 2;
const at = (second: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + second * 1000).toISOString();
const plan = {
  ...{ audit: 0, proof: 'standard' as const },
  target: { disks: [{ index: 0, key: 2000, sizeBytes: 10 * gib }] as unknown as TargetDisk[] } as VmPlan['target'],
};
/** A pass of a moment; `changed`: MiB that the source says, `read`: MiB in ten seconds. */
const passAt = (pass: number, second: number, changed?: number, read = 1000): Pass => {
  const disk = { key: 2000, file: 'f', ...(changed === undefined ? {} : { changedBytes: changed * mib }) };
  const point = { at: at(second), disks: [disk], foreign: [] } as unknown as NonNullable<Pass['point']>;
  return { ...startPass(pass, at(second)), finished: at(second + 10), point, readBytes: read * mib, seconds: 10 };
};
const none: History = { shutdown: [], convert: [], handOver: [], boot: [] };
/** Of the steps that are known, 35 s. */
const known = { shutdown: 10, convert: 2, handOver: 3, boot: 20 };
type Expected = [writes: number, copies: number, delta: number, prove: number, mid: number, low: number, high: number];

test.each<[string, Pass[], number, Expected]>([
  ['after one pass nothing is known to change', [passAt(1, 0)], 500, [0, 100, 1, 1, 37, 29, 47.8]],
  ['what was written since the last point', [passAt(1, 0), passAt(2, 100, 500)], 140, [5, 100, 3, 3, 41, 31, 55.8]],
  ['the longer ago, the more', [passAt(1, 0), passAt(2, 100, 500)], 300, [5, 100, 11, 11, 57, 39, 87.8]],
  ['never more than the disk', [passAt(1, 0), passAt(2, 100, 500)], 9_999, [5, 100, 103.4, 103.4, 241.8, 131.4, 457.4]],
  [
    'the rate is the last interval’s',
    [passAt(1, 0), passAt(2, 9, 9000), passAt(3, 109, 500)],
    149,
    [5, 100, 3, 3, 41, 31, 55.8],
  ],
  ['unknown changes are the whole disk', [passAt(1, 0), passAt(2, 1024)], 1024, [10, 100, 1, 1, 37, 29, 47.8]],
  ['a small pass tells no pace', [passAt(1, 0), passAt(2, 100, 500, 15)], 140, [5, 100, 3, 3, 41, 31, 55.8]],
  ['without a pace a slow path’s', [passAt(1, 0, 0, 15), passAt(2, 100, 500, 15)], 140, [5, 50, 5, 5, 45, 33, 63.8]],
])('forecast - %s', (_, passes, now, [writes, copies, delta, prove, mid, low, high]) => {
  const told = forecast(passes, plan, Date.parse(at(now)), history);
  expect(told).toEqual({
    ...{ pass: passes.length, writeRate: writes * mib, copyRate: copies * mib, seconds: mid, low, high },
    parts: { ...known, delta, prove },
  });
});

test.each<[string, Partial<History>, number, number, number]>([
  ['without any, guesses, by half and double', {}, 107, 53.5, 214],
  ['one that was seen is known better', { boot: [60] }, 107, 71.5, 169],
  ['of several the middle, and the range of all', { boot: [90, 20, 40] }, 87, 39.5, 206.5],
])('forecast - of the steps before: %s', (_, seen, mid, low, high) => {
  const told = forecast([passAt(1, 0)], plan, Date.parse(at(0)), { ...none, ...seen });
  expect(told).toMatchObject({ seconds: mid, low, high });
});

/** Its cutover: stopped after 7 s, converted in 5, handed over in 11, well after so many. */
const cutOver = (boot: number, state: Course['state'] = 'OK'): Course => {
  const seconds = { ST: 0, FC: 7, PV: 20, CV: 24, HO: 29, SR: 40, SE: 40 + boot };
  const entered = Object.fromEntries(Object.entries(seconds).map(([each, second]) => [each, at(second)]));
  return { ...queued(), state, entered };
};

test('history - what the steps took in the last twenty courses that went well, and in no other', () => {
  expect(historyOf([])).toEqual(none);
  expect(historyOf([cutOver(60), cutOver(5, 'FA'), cutOver(9, 'WA'), cutOver(30)])).toEqual({
    ...{ shutdown: [7, 7], convert: [5, 5], handOver: [11, 11], boot: [60, 30] },
  });
  const { SE: _, ...unwatched } = cutOver(1).entered;
  expect(historyOf([{ ...cutOver(1), entered: unwatched }])).toMatchObject({ shutdown: [7], boot: [] });
  const many = historyOf(Array.from({ length: 30 }, (_, i) => cutOver(i + 1)));
  expect(many.boot).toEqual(Array.from({ length: 20 }, (_, i) => i + 11));
});

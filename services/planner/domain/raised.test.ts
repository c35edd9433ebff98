import type { TranshipEvent } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { good, passes, queued, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { describe } from './migration.ts';

const lying = (lies: number) => (step: string, course: Course, clock: number) => {
  const event = passes(3)(step, course, clock);
  if (!event || step !== 'copy' || course.passes.length !== 2) return event;
  const disk = {
    ...{ index: 0, sizeBytes: 2 ** 30, how: 'compare', readBytes: 9, writtenBytes: 9, resumedBytes: 0, savedBytes: 0 },
    ...{ auditedLeaves: 320, liedLeaves: lies, root: 'r' },
  };
  return { ...event, data: { disks: [disk], seconds: 1 } } as TranshipEvent;
};

test('concern - a source that lied of a disk is told of once, in the event and in the status', () => {
  const { course, steps } = run(warm(), lying(2));
  expect(course.concerns).toMatchObject([
    { id: 'cbt.lied', category: 'warning', path: 'passes[2].disks[2000]', why: expect.stringContaining('2 of 320') },
  ]);
  expect(steps).toEqual(run(warm(), lying(0)).steps);
  const started = { plan: 'p', generation: 1, concurrency: 1, vms: [{ id: 'vm-1', name: 'web-01' }] };
  const migration = { id: 'p-1', started, at: '', finished: undefined, begun: 1, seq: 1 };
  const present = { now: 0, releaseAfterMs: 1, history: { shutdown: [], convert: [], handOver: [], boot: [] } };
  expect(describe(migration, new Map([['vm-1', course]]), present).vms[0]?.concerns).toEqual(course.concerns);
  expect(run(warm(), lying(0)).course.concerns).toEqual([]);
});

test('concern - change tracking that cannot be turned on is told with vCenter’s reason', () => {
  const { course } = run(warm(), (step, now, clock) => {
    const event = passes(2)(step, now, clock);
    return event && step === 'snapshot'
      ? ({ ...event, data: { ...event.data, tracking: 'off', untracked: 'NotSupported' } } as TranshipEvent)
      : event;
  });
  expect(course.concerns).toMatchObject([{ id: 'cbt.off', why: expect.stringContaining('NotSupported') }]);
  expect(run(warm(), passes(2)).course.concerns).toEqual([]);
});

test('concern - a target in which nothing answered has succeeded, and is said to be unproven', () => {
  const silent = (step: string, now: Course, clock: number) => {
    const event = good(step, now, clock);
    return step === 'watchHealth' ? ({ ...event, data: { ...event.data, proven: false } } as TranshipEvent) : event;
  };
  const health = (agent: 'ifPresent' | 'ignore') => ({ health: { agent, deadlineMs: 60_000 } });
  const { course } = run(queued(health('ifPresent')), silent);
  expect(course.state).toBe('OK');
  expect(course.concerns).toMatchObject([{ id: 'target.unproven', fix: expect.stringContaining('console') }]);
  expect(run(queued(health('ifPresent')), good).course.concerns).toEqual([]);
  // Who asked not to look is told nothing.
  expect(run(queued(health('ignore')), silent).course.concerns).toEqual([]);
});

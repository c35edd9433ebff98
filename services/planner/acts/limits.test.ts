import { expect, test } from 'vitest';
import type { Course } from '../domain/course.ts';
import type { Model } from '../ports.ts';
import { good, queued, run } from '../testing/course.ts';
import { Bandwidth, withLimits } from './limits.ts';

const copying = (vm: string): Course => ({
  ...run(queued(), (step) => (step === 'copy' ? undefined : good(step))).course,
  vm,
});

/** A model that holds these courses, and the workbenches’ limits in memory; every write is kept. */
function world(courses: Course[], before: Record<string, number> = {}) {
  /** `next`: what the model has not read yet. */
  const now = { courses, mbps: 100, next: undefined as Course[] | undefined };
  const stored = new Map(Object.entries(before));
  const written: [string, number | null][] = [];
  const current = async () => {
    now.courses = now.next ?? now.courses;
  };
  const model = { current, courses: () => now.courses, bandwidthMBps: () => now.mbps } as unknown as Model;
  const limits = {
    get: async (_: string, vm: string) => stored.get(vm) ?? null,
    put: async (_: string, vm: string, bytesPerSecond: number | null) => void written.push([vm, bytesPerSecond]),
  };
  const take = () => written.splice(0);
  return { now, take, bandwidth: new Bandwidth(model, limits) };
}

test('limits - what has changed is written, once; what was there from before is read first', async () => {
  const { now, take, bandwidth } = world([copying('a'), copying('b')], { a: 50_000_000, b: 7 });
  await bandwidth.apply();
  expect(take()).toEqual([['b', 50_000_000]]);
  await bandwidth.apply();
  expect(take()).toEqual([]);
  now.mbps = 20;
  await bandwidth.apply();
  expect(take()).toEqual([
    ['a', 10_000_000],
    ['b', 10_000_000],
  ]);
  now.courses = [copying('a')];
  await bandwidth.apply();
  expect(take()).toEqual([['a', 20_000_000]]);
});

test('limits - before a copy is asked for the others are lowered, though the model had not read of it yet', async () => {
  const { now, take, bandwidth } = world([copying('a')]);
  await bandwidth.apply();
  expect(take()).toEqual([['a', 100_000_000]]);
  now.next = [copying('a'), copying('b')];
  const seen: unknown[] = [];
  const commands = withLimits({ issue: async (_, { step }) => void seen.push(step, take()) }, bandwidth);
  await commands.issue(copying('b'), { kind: 'command', step: 'copy', input: {} as never });
  const both = [
    ['a', 50_000_000],
    ['b', 50_000_000],
  ];
  expect(seen).toEqual(['copy', both]);
});

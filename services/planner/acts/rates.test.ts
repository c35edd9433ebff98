import type { Progress } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { Rates } from './rates.ts';

const told = (vm: string, disk: number, mbps: number, step: Progress['step'] = 'copy'): Progress => ({
  ...{ migration: 'm', vm, disk, step, doneBytes: 0, totalBytes: 1, bytesPerSecond: mbps * 1e6 },
  ...({ etaSeconds: null, basis: 'unknown' } as const),
});

test('rates - those of a VM’s disks together, as they were told last; what is not told of any more is not known', () => {
  const rates = new Rates();
  const of = (vm: string, now: number) => rates.of({ migration: 'm', vm }, now);
  expect(of('vm-1', 0)).toBeUndefined();
  for (const each of [told('vm-1', 0, 90), told('vm-1', 1, 30), told('vm-10', 0, 7)]) rates.hear(each, 0);
  rates.hear(told('vm-1', 0, 60), 4_000);
  rates.hear(told('vm-1', 2, 500, 'prove'), 4_000);
  expect([of('vm-1', 4_000), of('vm-10', 4_000)]).toEqual([90, 7]);
  expect([of('vm-1', 5_001), of('vm-10', 5_001)]).toEqual([60, undefined]);
  expect(of('vm-1', 9_001)).toBeUndefined();
});

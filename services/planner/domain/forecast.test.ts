import type { TargetDisk, VmPlan } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { forecast } from './forecast.ts';
import { startPass } from './passes.ts';

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

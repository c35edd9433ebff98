import type { TranshipEvent, VmPlan } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { good, present, run, warm } from '../testing/course.ts';
import type { Course } from './course.ts';
import { next } from './next.ts';

const mib = 1024 ** 2;
const hour = 3_600_000;
const start = Date.parse('2026-01-01T00:00:00Z');

/** A guest that writes so many MiB a second, of which 100 are copied in one; left where it is after six passes. */
function busy(writes: number, over: Partial<VmPlan>) {
  const { plan } = warm();
  const target = { ...plan!.target, disks: plan!.target.disks.map((disk) => ({ ...disk, sizeBytes: 2 ** 40 })) };
  return run(warm({ target, ...over }), (step, course, clock): TranshipEvent | undefined => {
    if (step === 'snapshot' && course.passes.length > 6) return undefined;
    const event = good(step, course, clock);
    const before = course.passes.filter(({ point }) => point).at(-1)?.point;
    if ((step === 'snapshot' || step === 'findChanges') && before) {
      const changedBytes = (writes * mib * (clock - Date.parse(before.at))) / 1000;
      const disks = (event.data as { disks: object[] }).disks.map((disk) => ({ ...disk, changedBytes }));
      return { ...event, data: { ...event.data, disks } } as unknown as TranshipEvent;
    }
    const copied = { index: 0, sizeBytes: 2 ** 40, readBytes: 1000 * mib, writtenBytes: 0, savedBytes: 0 };
    return step === 'copy' ? ({ ...event, data: { disks: [copied], seconds: 10 } } as unknown as TranshipEvent) : event;
  });
}

test.each([
  ['writes little: nothing is shortened', 0.1, 3, 0],
  ['writes much: one more pass at the hour, and then the cutover', 1, 4, 1],
  ['writes more than a pass can take: one more pass, and no other', 4000, 4, 1],
])('cutover - the guest %s', (_, writes, passes, more) => {
  const at = '2026-01-01T01:50:00.000Z';
  const { course } = busy(writes, { cutover: { mode: 'at', at }, intervalMs: hour });
  expect(course.state).toBe('OK');
  expect(course.passes).toHaveLength(passes);
  expect(course.passes.filter(({ started, snapshot }) => started >= at && snapshot !== undefined)).toHaveLength(more);
  expect(Date.parse(course.entered.ST!) - Date.parse(at)).toBeLessThan(60_000);
});

test.each([
  ['10 MiB/s: 200 s', 10, 200],
  ['1 MiB/s: 2000 s', 1, 2000],
  ['100 MiB/s: no less than a minute', 100, 60],
  ['nothing: an hour', 0, 3600],
])('interval - between passes it follows what the guest writes; %s', (_, writes, seconds) => {
  const { passes } = busy(writes, { intervalMs: undefined as never }).course;
  const gaps = passes.slice(1).map(({ started }, i) => (Date.parse(started) - Date.parse(passes[i]!.finished!)) / 1000);
  // After one pass nothing is known to change.
  expect(Math.abs(gaps[0]! - 3600)).toBeLessThan(10);
  expect(gaps.length).toBeGreaterThan(3);
  for (const gap of gaps.slice(1)) expect(Math.abs(gap - seconds)).toBeLessThan(10);
});

test('forecast - the course tells it of what the steps took before', () => {
  const { course } = run(warm(), (step, now, clock) => (step === 'inspect' ? undefined : good(step, now, clock)));
  const due = { ...course, state: 'WT', forecast: undefined } as Course;
  const history = { shutdown: [11], convert: [12], handOver: [13], boot: [14] };
  expect(next(due, { ...present(start + hour), history })).toMatchObject({
    event: { type: 'vm.forecast', data: { parts: { shutdown: 11, convert: 12, handOver: 13, boot: 14 } } },
  });
});

import {
  events as declared,
  eventExamples,
  type TranshipEvent,
  type VmEventType,
  vmReportSchema,
} from '@tranship/contracts';
import { expect, test } from 'vitest';
import { apply, type Course, newCourse } from './course.ts';
import { reportOf } from './report.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (second: number) => new Date(start + second * 1000).toISOString();

/** The examples of these events, a second apart, with what is given instead of theirs. */
function told(list: readonly (VmEventType | readonly [VmEventType, object])[]) {
  const events = list.map((each, i) => {
    const [type, other] = typeof each === 'string' ? [each, {}] : each;
    const data = declared[type].data.parse({ ...eventExamples[type], ...other });
    return { type, data, time: at(i) } as TranshipEvent & { time: string };
  });
  const fold = (course: Course, event: (typeof events)[number]) =>
    apply(course, event, { seq: course.seq + 1, time: event.time });
  const course = events.reduce(fold, newCourse('shop-1', 'vm-42'));
  return { course, report: reportOf(course, course.plan!, events) };
}

const warm = [
  ...(['vm.queued', 'vm.admitted', 'vm.prepared', ['vm.pass-started', { pass: 1 }], 'vm.snapshotted'] as const),
  ...(['vm.pass-finished', 'vm.proved', 'vm.snapshot-removed', 'vm.forecast', 'vm.cutover-due'] as const),
  ...(['vm.powered-off', 'vm.changes-found', 'vm.step-failed', 'vm.pass-finished', 'vm.proved'] as const),
] as const;
const end = [
  ...(['vm.converted', 'vm.handed-over', 'vm.created', 'vm.source-checked', 'vm.started', 'vm.healthy'] as const),
  ...(['vm.settled', 'vm.succeeded'] as const),
] as const;

test('report - a warm move: passes, the parts of the downtime beside their forecast, proof, network, files, failures', () => {
  const { course, report } = told([...warm, ...end]);
  expect(course.state).toBe('OK');
  expect(vmReportSchema.parse(report)).toEqual(report);
  expect(report).toMatchObject({
    ...{ migration: 'shop-1', vm: { id: 'vm-42', name: 'web-01' }, state: 'succeeded', type: 'warm' },
    times: { queued: at(0), began: at(1), stopped: at(9), over: at(22) },
    readBytes: 2 * 41_943_040,
  });
  expect(report.passes.map(({ pass, snapshot, how }) => [pass, snapshot, how])).toEqual([
    [1, 'snapshot-77', ['delta']],
    [2, undefined, ['delta']],
  ]);
  expect(report.downtime).toEqual({
    forecast: eventExamples['vm.forecast'],
    real: { shutdown: 1, delta: 3, prove: 1, convert: 1, handOver: 3, boot: 2 },
    seconds: 11,
  });
  expect(report.proof).toMatchObject({ grade: 'standard', leaves: 1280, disks: [{ index: 0 }] });
  const nic = { name: 'ens192', addresses: ['192.168.76.10/24'] };
  expect(report.nics).toEqual([{ mac: '00:50:56:aa:bb:01', before: nic, after: nic }]);
  expect(report.guest?.files).toEqual(eventExamples['vm.converted'].changes);
  const kept = eventExamples['vm.converted'].changes.map(({ path }) => path);
  expect(course.results.convert).toMatchObject({ files: { count: kept.length, paths: kept } });
  expect(course.results.convert).not.toHaveProperty('changes');
  expect(report.failures).toMatchObject([{ at: at(12), step: 'copy', again: true, error: { code: 'transfer.read' } }]);
});

test('report - half way it tells what is known, and no more', () => {
  const { report } = told(warm.slice(0, 12));
  expect(vmReportSchema.parse(report)).toEqual(report);
  expect(report).toMatchObject({ state: 'copying', proof: null, guest: null, failures: [] });
  expect(report.downtime).toMatchObject({ real: { shutdown: 1 }, seconds: 1 });
  expect(report.times).not.toHaveProperty('over');
  expect(report.nics[0]).toMatchObject({ before: { name: '' }, after: null });
});

test('report - where the source did not run nothing went down', () => {
  const cold = [
    ...warm.slice(0, 3),
    'vm.cutover-due',
    ['vm.powered-off', { was: 'poweredOff', how: 'already' }],
  ] as const;
  const { report } = told([...cold, ...warm.slice(11), ...end]);
  expect(report).toMatchObject({ state: 'succeeded', downtime: null });
});

test('report - of a comparison it tells what the target held already', () => {
  const [disk] = eventExamples['vm.pass-finished'].disks;
  const compared = { disks: [{ ...disk!, how: 'compare', savedBytes: 39_000_000 }], seconds: 2 };
  const { report } = told([...warm.slice(0, 5), ['vm.pass-finished', compared]]);
  expect(report).toMatchObject({ savedBytes: 39_000_000, passes: [{ how: ['compare'], savedBytes: 39_000_000 }] });
});

import { type Problem, type StepName, stepExamples, type TranshipEvent, type VmPlan } from '@tranship/contracts';
import { apply, type Course, eventOf, newCourse } from '../domain/course.ts';
import { next } from '../domain/next.ts';
import { isWanted, lastPass } from '../domain/rehearsal.ts';
import { type Present, wakeAt } from '../domain/waiting.ts';

export const plan = (over: Partial<VmPlan> = {}): VmPlan => ({
  name: 'web-01',
  plan: 'p',
  workbench: 'tranship-p-1-vm-1',
  guestId: 'debian12_64Guest',
  power: 'poweredOn',
  type: 'cold',
  tracking: false,
  group: [],
  host: 'host-1',
  sessions: 1,
  sessionsPerHost: 4,
  datastores: ['datastore-1'],
  snapshotsPerDatastore: 8,
  cutover: { mode: 'manual' },
  audit: 0,
  convert: 'auto',
  inspect: 'none',
  rehearse: 'none',
  proof: 'standard',
  start: true,
  shutdown: { deadlineMs: 1000, then: 'fail' },
  health: { agent: 'ifPresent', deadlineMs: 1000 },
  onUnhealthy: 'hold',
  connection: { provider: 'vc', url: 'https://vc/sdk', thumbprint: '', secret: 's', method: 'auto' },
  target: {
    name: 'web-01',
    namespace: 'apps',
    cpus: 1,
    coresPerSocket: 1,
    memoryMB: 512,
    firmware: 'bios',
    disks: [],
    nics: [],
    runStrategy: 'Always',
    labels: {},
    annotations: {},
    nodeSelector: {},
  },
  ...over,
});
export const present = (now = 0): Present => ({
  now,
  others: [],
  releaseAfterMs: 600_000,
  history: { shutdown: [], convert: [], handOver: [], boot: [] },
});
export const problem = (code: Problem['code'], retry = false): Problem => ({
  code,
  title: 't',
  detail: 'd',
  fix: 'f',
  retry,
});

const start = Date.parse('2026-01-01T00:00:00Z');
/** Time stands still for who waits longer. */
const end = start + 24 * 3_600_000;

/** A world in memory: appends what is due, answers steps as told, and keeps the trace of states and steps. */
export function run(
  course: Course,
  answer: (step: string, course: Course, clock: number) => TranshipEvent | undefined,
): { course: Course; steps: string[]; clock: number } {
  const steps: string[] = [];
  let now = course;
  let clock = start;
  const say = (event: TranshipEvent) => {
    now = apply(now, event, { seq: now.seq + 1, time: new Date(clock).toISOString() });
  };
  for (let i = 0; i < 1_000; i++) {
    clock += 1000;
    if (now.state === 'QU' && now.cancelledIn === undefined) {
      say({ type: 'vm.admitted', data: {} });
      continue;
    }
    const due = next(now, present(clock));
    // Nothing is due yet: time goes on to where something is.
    const wake = due ? undefined : wakeAt(now, present(clock));
    if (wake !== undefined && wake < end) clock = Math.max(clock, wake);
    else if (!due) return { course: now, steps, clock };
    if (!due) continue;
    if (due.kind === 'event') say(due.event);
    else {
      steps.push(due.step);
      const event = answer(due.step, now, clock);
      if (!event) return { course: now, steps, clock };
      say(event);
    }
  }
  throw new Error('the course does not end');
}

export const queued = (over: Partial<VmPlan> = {}) =>
  apply(
    newCourse('p-1', 'vm-1'),
    { type: 'vm.queued', data: plan(over) },
    { seq: 1, time: new Date(start).toISOString() },
  );
/** A worker's good answer, as far as the course looks at it. */
export const good = (step: string, course?: Course, clock = 0): TranshipEvent =>
  ({
    type: eventOf[step as StepName],
    data: answers(new Date(clock).toISOString(), course)[step] ?? {},
  }) as TranshipEvent;

const answers = (at: string, course: Course | undefined): Record<string, unknown> => {
  const disks = (course?.plan?.target.disks ?? []).map(({ key, file }) => ({
    ...{ key, file, changeId: `52 aa/${course!.passes.length}` },
    ...(course!.passes.length > 1 ? { areas: 'digest', changedBytes: 1024 } : {}),
  }));
  const point = { at, disks, foreign: [] };
  return {
    snapshot: { ...point, snapshot: `snapshot-${course?.passes.length}`, tracking: 'on' },
    findChanges: point,
    copy: { disks: [], seconds: 1 },
    create: stepExamples.create.result,
    prepare: { rehearse: course !== undefined && isWanted(course) },
    rehearse: { pass: course && lastPass(course), passed: true },
    prove: { disks: [] },
    inspect: { concerns: [], changes: [] },
    removeTarget: { removed: [], kept: course?.state === 'RT' && course.kept },
    watchHealth: { proven: true },
  };
};
export const bad = (step: string, course: Course, error: Problem, again = false): TranshipEvent => ({
  type: 'vm.step-failed',
  data: { step, attempt: course.attempt, error, again },
});

const disk = {
  ...{ index: 0, key: 2000, file: '[ds] web/web.vmdk', sizeBytes: 2 ** 30, storageClass: 'fast' },
  ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' } as const),
};
/** A warm course that has just been queued. */
export const warm = (over: Partial<VmPlan> = {}) =>
  queued({ type: 'warm', target: { ...plan().target, disks: [disk] }, intervalMs: 60_000, ...over });
export const at = (course: Course, event: TranshipEvent, time = '2026-01-01T05:00:00Z') =>
  apply(course, event, { seq: course.seq + 1, time });
/** Answers well, until the course has made so many passes; then it is left where it is. */
export const passes = (count: number) => (step: string, course: Course, clock: number) =>
  step === 'snapshot' && course.passes.length > count ? undefined : good(step, course, clock);
export const precopy = ['snapshot', 'copy', 'prove', 'removeSnapshot'];

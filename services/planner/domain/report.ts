import type { EventData, StepResult, TranshipEvent, VmPlan, VmReport } from '@tranship/contracts';
import { type Course, isFinal } from './course.ts';
import { downtimeParts } from './downtime.ts';
import { type Pass, sourceSaid } from './passes.ts';
import { proofOf } from './proof.ts';
import { stateNames } from './states.ts';

type Told = TranshipEvent & { readonly time: string };

/** What became of a VM: its course, and the events that it is the fold of. */
export function reportOf(course: Course, plan: VmPlan, events: readonly Told[]): VmReport {
  const { migration, vm, results, entered, since, passes, error } = course;
  const { target } = plan;
  const guest = results.convert as Omit<StepResult<'convert'>, 'changes'> | undefined;
  const well = results.watchHealth as StepResult<'watchHealth'> | undefined;
  const done = passes.map(described);
  const sum = (of: 'readBytes' | 'writtenBytes' | 'savedBytes') => done.reduce((total, each) => total + each[of], 0);
  return {
    ...{ migration, plan: plan.plan, vm: { id: vm, name: plan.name }, type: plan.type },
    state: stateNames[course.state],
    target: { namespace: target.namespace, name: target.name },
    times: {
      queued: entered.QU ?? '',
      ...known('began', entered.PR),
      ...known('stopped', entered.ST),
      ...known('well', well?.at),
      ...known('over', isFinal(course) ? since : undefined),
    },
    disks: target.disks.map(({ index, file, sizeBytes, storageClass }) => ({ index, file, sizeBytes, storageClass })),
    passes: done,
    readBytes: sum('readBytes'),
    writtenBytes: sum('writtenBytes'),
    savedBytes: sum('savedBytes'),
    downtime: downtime(course),
    proof: proven(course),
    guest: guest ? { os: guest.os, engine: guest.engine, reason: guest.reason, files: changed(events) } : null,
    nics: target.nics.map(({ mac, addresses }) => {
      const after = well?.nics.find((nic) => nic.mac === mac);
      const name = guest?.nics.find((nic) => nic.mac === mac)?.name ?? '';
      return {
        mac,
        before: { name, addresses },
        after: after ? { name: after.name, addresses: after.addresses } : null,
      };
    }),
    ...known('node', well?.node),
    failures: events.flatMap(failure),
    ...known('error', error),
  };
}

const known = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [N in K]?: V };

/** By the last conversion: its course keeps their names alone. */
function changed(events: readonly Told[]): NonNullable<VmReport['guest']>['files'] {
  const last = events.findLast(({ type }) => type === 'vm.converted');
  return last ? (last.data as EventData<'vm.converted'>).changes : [];
}

function described(pass: Pass): VmReport['passes'][number] {
  const { copied = [] } = pass;
  return {
    ...{ pass: pass.pass, started: pass.started, seconds: pass.seconds, readBytes: pass.readBytes },
    ...known('finished', pass.finished),
    ...known('snapshot', pass.snapshot),
    ...known('changedBytes', sourceSaid(pass)),
    writtenBytes: copied.reduce((total, disk) => total + disk.writtenBytes, 0),
    savedBytes: copied.reduce((total, disk) => total + disk.savedBytes, 0),
    how: copied.map(({ how }) => how),
  };
}

/** Where the source did not run there was nothing to go down. */
function downtime(course: Course): VmReport['downtime'] {
  const off = course.results.powerOff as StepResult<'powerOff'> | undefined;
  if (off?.was !== 'poweredOn') return null;
  const real = downtimeParts(course);
  const seconds = Object.values(real).reduce((sum, each) => sum + each, 0);
  return { forecast: course.forecast ?? null, real, seconds: Math.round(seconds * 1000) / 1000 };
}

function proven(course: Course): VmReport['proof'] {
  const proof = proofOf(course);
  if (!proof) return null;
  const leaves = proof.passes.flatMap(({ disks }) => disks.map(({ provenLeaves }) => provenLeaves));
  return {
    ...{ at: proof.at, grade: proof.grade, leaves: leaves.reduce((sum, each) => sum + each, 0) },
    disks: proof.disks.map(({ index, copied }) => ({ index, copied })),
  };
}

function failure({ type, time, data }: Told): VmReport['failures'] {
  if (type === 'vm.proof-failed')
    return [{ at: time, step: 'prove', error: (data as EventData<'vm.proof-failed'>).error, again: true }];
  if (type !== 'vm.step-failed') return [];
  const { step, error, again } = data as EventData<'vm.step-failed'>;
  return [{ at: time, step, error, again }];
}

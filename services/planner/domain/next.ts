import type { Problem, Proof, StepInput, StepName, StepResult, TargetVm, TranshipEvent } from '@tranship/contracts';
import { againAt } from './again.ts';
import { type Course, stepOf } from './course.ts';
import { seenRateOf } from './forecast.ts';
import { allCanStart, allChecked, groupFailure } from './group.ts';
import { agentMode, isUnproven } from './health.ts';
import { snapshotName, snapshotPrefix } from './names.ts';
import { claimed, finished, passDisks, since, startPass } from './passes.ts';
import { wasOn } from './power.ts';
import { digestOf, proofOf } from './proof.ts';
import { unraised } from './raised.ts';
import { isWanted, lastPass } from './rehearsal.ts';
import { archiving, type State } from './states.ts';
import { type Present, whileWaiting } from './waiting.ts';

/** What is due: a command for a worker, or a fact that the planner itself may state. */
export type Due =
  | { readonly kind: 'command'; readonly step: StepName; readonly input: StepInput<StepName> }
  | { readonly kind: 'event'; readonly event: TranshipEvent };

/** Removing the workbench ends these at once; every other step is let end before the course turns back. */
const interruptible: ReadonlySet<State> = new Set<State>([
  ...(['QU', 'WT', 'PC', 'PP', 'IN', 'RE', 'CP', 'PV', 'CV', 'CK', 'SR'] as const),
]);
/** A guest that was told to shut down, and did not in time, may still do so. */
const lateShutdownMs = 60_000;
/** A share so small that the smallest sample is taken. */
const leastAudit = Number.EPSILON;
/** Who copies sees within a second that it is not wanted any more, and closes the source's files. */
const readerGraceMs = 10_000;
/** In these nothing of the target has run yet. */
const undoable: ReadonlySet<State> = new Set<State>([
  ...(['QU', 'PR', 'WT', 'SN', 'PC', 'PP', 'RM', 'IN', 'RE', 'RL'] as const),
  ...(['ST', 'FC', 'CP', 'PV', 'CV', 'HO', 'CR', 'CK'] as const),
]);

/** The next move: a pure function of the fold and the present. `undefined`: nothing is due (over, or time, a person or the scheduler decides). */
export function next(course: Course, present: Present): Due | undefined {
  const { state, plan, failure, cancelledIn, error } = course;
  if (!plan) return undefined;
  const concern = unraised(course);
  if (concern) return say({ type: 'vm.concern-raised', data: concern });
  if (
    cancelledIn !== undefined &&
    undoable.has(state) &&
    (interruptible.has(state) || state !== cancelledIn || failure)
  ) {
    return say({ type: 'vm.undo-began', data: {} });
  }
  if (failure && !failure.again) return turn(course, failure.error);
  if (present.now < (againAt(course) ?? 0)) return undefined;
  const put = groupFailure(course, present.others);
  if (put && (interruptible.has(state) || failure)) return say({ type: 'vm.undo-began', data: { error: put } });
  if (state === 'CK' && !allCanStart(present.others)) return undefined;
  if (state === 'SR' && !allChecked(present.others)) return undefined;
  if (state === 'WT') return maybe(whileWaiting(course, present));
  if (
    state === 'DN' &&
    course.previous === 'WA' &&
    plan.onUnhealthy === 'rollback' &&
    error?.code === 'target.unhealthy'
  )
    return say({ type: 'vm.rollback-requested', data: {} });
  if (course.restart && state === 'FA') return say({ type: 'vm.retried', data: {} });
  // What ran is where it was: the workbench was never prepared for it.
  if (state === 'RT' && course.ran && course.entered.PR === undefined) return removedNothing(true);
  if (state === 'TY' && !mustTidy(course)) return untouched;
  if (state === 'SD') return say({ type: 'vm.succeeded', data: { unproven: isUnproven(course) } });
  if (state === 'UD' || (state === 'RS' && !mustRestart(course))) {
    if (course.entered.TS !== undefined && !course.rolledBack) return say({ type: 'vm.rolled-back', data: {} });
    return say(
      cancelledIn === undefined
        ? { type: 'vm.failed', data: error ? { error } : {} }
        : { type: 'vm.cancelled', data: {} },
    );
  }
  if (state === 'AT' && !mustUntrack(course)) return untouched;
  if (state === 'AL' && course.ended === 'OK') return removedNothing(false);
  if (state === 'AD') return say({ type: 'vm.archived', data: {} });
  const step = dueStep(course);
  return step ? command(step, course) : undefined;
}

function turn(course: Course, error: Problem): Due {
  const { state, plan } = course;
  if (error.code === 'source.contested') return say({ type: 'vm.contested', data: { error } });
  // A source that is gone for ever owes us nothing.
  if (state === 'AT' && /^(vsphere|document)\.not-found$/.test(error.code)) return untouched;
  if (archiving.has(state)) return say({ type: 'vm.archive-failed', data: { error } });
  // It is a saving, and not worth the course: the workbench stands again and stays.
  if (state === 'RL') return say({ type: 'vm.prepare-due', data: {} });
  // The source runs on as it did, and so do the passes.
  if (state === 'RE') return say({ type: 'vm.rehearsed', data: { pass: lastPass(course), passed: false, error } });
  if (state === 'SN' && error.code === 'source.low-space') return say({ type: 'vm.guarded', data: { error } });
  // The guest runs on as it did, and so do the passes.
  if (state === 'ST' && plan?.type === 'warm' && /^source\.shutdown-/.test(error.code))
    return say({ type: 'vm.cutover-postponed', data: { error } });
  return say(
    undoable.has(state) ? { type: 'vm.undo-began', data: { error } } : { type: 'vm.decision-needed', data: { error } },
  );
}

const maybe = (event: TranshipEvent | undefined) => event && say(event);
const say = (event: TranshipEvent): Due => ({ kind: 'event', event });
const untouched = say({ type: 'vm.source-tidied', data: { snapshots: [], tracking: 'kept' } });
const removedNothing = (kept: boolean): Due => say({ type: 'vm.target-removed', data: { removed: [], kept } });
const mustRestart = (course: Course) => course.stopped && wasOn(course) && !course.restart;
const mayStillShutDown = ({ postponed, error }: Course) => postponed || error?.code === 'source.shutdown-timeout';
/** Only a pass over a running source leaves anything at it. */
const mustTidy = ({ passes, results }: Course) =>
  results.snapshot !== undefined || passes.some(({ point, snapshot }) => snapshot !== undefined || point === undefined);
/** Change tracking that we turned on stays on where the VM moved, for the next plan; archiving turns it off. */
const mustUntrack = (course: Course) =>
  mustTidy(course) &&
  !course.plan!.tracking &&
  (course.results.tidySource as StepResult<'tidySource'> | undefined)?.tracking !== 'off';

/** No target is made of disks that are not proven. */
function mustBeProven(course: Course): Proof {
  const proof = proofOf(course);
  if (!proof) throw new Error(`${course.vm} of ${course.migration} came to its target without a proof`);
  return proof;
}

function command(step: StepName, course: Course): Due {
  return { kind: 'command', step, input: input(step, course) };
}

/** The step that is due in this state: `settle` stands in for `start` where nothing is to be started; a sealed target is opened first. */
export function dueStep({ state, plan, results }: Course): StepName | undefined {
  if (state === 'SR' && plan && !plan.start) return 'settle';
  return state === 'WA' && plan?.target.sealed && !results.unseal ? 'unseal' : stepOf[state];
}

const placeOf = ({ namespace, name }: TargetVm) => ({ namespace, name });
const guestNics = ({ nics }: TargetVm) =>
  nics.map(({ mac, slot, addresses }) => ({ mac, addresses, ...(slot === undefined ? {} : { slot }) }));

function input(step: StepName, course: Course): StepInput<StepName> {
  const { migration, vm } = course;
  const plan = course.plan!;
  const { target, connection, workbench, proof: grade = 'standard' } = plan;
  const disks = claimed(target.disks, course.results.prepare as StepResult<'prepare'> | undefined);
  const ours = { migration, vm, workbench };
  const pass = course.passes.at(-1) ?? startPass(1, course.since);
  const source = { migration, vm, provider: connection.provider };
  const { lastStart: told } = (course.results.findChanges ?? {}) as Partial<StepResult<'findChanges'>>;
  const lastStart = told === undefined ? {} : { lastStart: told };
  switch (step) {
    case 'prepare':
      return { ...ours, target, connection, grade, rehearse: isWanted(course), ran: course.ran };
    case 'powerOff':
      return { ...source, power: plan.power, ...plan.shutdown };
    case 'snapshot':
      return { ...source, name: snapshotName(migration, vm, pass.pass), ...since(target.disks, course.passes) };
    case 'removeSnapshot':
      return {
        ...{ ...source, name: snapshotName(migration, vm, pass.pass) },
        ...(course.previous === 'PC' ? { graceMs: readerGraceMs } : {}),
      };
    case 'findChanges':
      return { ...source, ...since(target.disks, course.passes) };
    case 'tidySource':
      return {
        ...source,
        prefix: snapshotPrefix(migration, vm),
        tracking: plan.tracking || (course.state === 'TY' && course.kept) ? 'keep' : 'off',
      };
    case 'copy': {
      const { snapshot } = pass;
      const at = snapshot === undefined ? {} : { snapshot };
      const pastRate = seenRateOf(finished(course.passes));
      return {
        ...ours,
        connection,
        disks: passDisks(disks, course.passes, pass, course.ran),
        pass: pass.pass,
        ...at,
        // Inside the downtime the smallest sample, however large the disk.
        audit: snapshot === undefined ? Math.min(leastAudit, plan.audit) : plan.audit,
        ...(pastRate === undefined ? {} : { pastRate }),
        sessions: plan.sessions,
        grade,
        // Only of a source that is off does reading again say anything.
        reread: grade === 'full' && snapshot === undefined,
      };
    }
    case 'prove':
      return { ...ours, disks, pass: pass.pass, grade, keep: pass.snapshot !== undefined };
    case 'inspect':
      return { ...ours, disks, nics: guestNics(target) };
    case 'convert':
      return { ...ours, disks, guestId: plan.guestId, grade, mode: plan.convert, nics: guestNics(target) };
    case 'rehearse': {
      const { agent, deadlineMs } = plan.health;
      return { ...ours, target, pass: lastPass(course), mode: plan.convert, agent, deadlineMs };
    }
    case 'release':
      return ours;
    case 'unseal':
      return { ...ours, target, deadlineMs: plan.health.deadlineMs };
    case 'watchHealth':
      return { ...ours, target, ...plan.health, agent: agentMode(course) };
    case 'start':
      return { ...ours, provider: connection.provider, target, ...lastStart };
    case 'create':
      return { ...ours, target, proof: digestOf(mustBeProven(course)) };
    case 'powerOn':
      return { ...source, target: placeOf(target), watchMs: mayStillShutDown(course) ? lateShutdownMs : 0 };
    case 'checkOff':
      return { ...source, ...lastStart };
    case 'removeTarget':
      return {
        ...{ ...ours, target },
        ran: course.state === 'AL' || course.ran ? 'remove' : 'keep',
        copy: course.state === 'RT' && course.kept ? 'keep' : 'remove',
      };
    default:
      return { ...ours, target };
  }
}

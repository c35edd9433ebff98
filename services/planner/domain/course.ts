import type { Concern, Forecast, Problem, StepName, TranshipEvent, VmEventType } from '@tranship/contracts';
import { stuckBy, type Trying } from './again.ts';
import { facts } from './facts.ts';
import { finished, finishPass, giveUp, type Pass, proven, startPass } from './passes.ts';
import { archiving, final, type State, transition } from './states.ts';

/** One VM's course: the fold of its events. */
export interface Course extends Trying {
  readonly migration: string;
  readonly vm: string;
  /** Counts the tries of the present step; part of the command's id. */
  readonly attempt: number;
  /** When the present state was entered (ISO time). */
  readonly since: string;
  /** When each state was entered last (ISO time). */
  readonly entered: { readonly [S in State]?: string };
  /** Why the course turned back, or stands. */
  readonly error: Problem | undefined;
  /** The state in which a cancel was asked for. */
  readonly cancelledIn: State | undefined;
  /** The state before the present one, where `HI` leads back to. */
  readonly previous: State | undefined;
  /** The end that it came to last: an archiving leads back to it. */
  readonly ended: State | undefined;
  /** Nothing of it is left that is not wanted, and nothing is to be done with it any more. */
  readonly archived: boolean;
  /** Why it could not be archived. */
  readonly owed: Problem | undefined;
  /** All passes so far; the last may still run. */
  readonly passes: readonly Pass[];
  /** The pass whose copy was inspected last. */
  readonly inspected: number | undefined;
  /** An inspection found once that its guest converts. */
  readonly convertible: boolean;
  /** Times that a proof of it failed and its pass was done again. */
  readonly proofFailures: number;
  readonly forecast: Forecast | undefined;
  /** A person's word that it is time, and when it was given. */
  readonly cutover: { readonly at: string | undefined; readonly force: boolean; readonly asked: string } | undefined;
  /** The last cutover was put off; only a person's word leads to another. */
  readonly postponed: boolean;
  readonly paused: boolean;
  /** A person asked for a rehearsal that has not begun. */
  readonly rehearsalAsked: boolean;
  /** The workbench is gone; its volumes are there. */
  readonly released: boolean;
  /** The copy outlives the way back: a retry goes on from it. */
  readonly kept: boolean;
  /** The target ran and was given up: its disks are kept, and only a comparison brings them back. */
  readonly ran: boolean;
  /** What a person was told of on the way. */
  readonly concerns: readonly Concern[];
  /** Why no snapshot is taken: a datastore has too little room. */
  readonly guarded: Problem | undefined;
  /** Megabytes a second that a person allows its copy, tries and retries included. */
  readonly throttle: number | undefined;
  /** What its copy is slowed to for the sake of a datastore, megabytes a second, and what it read before; `at`: since when (ISO time). */
  readonly paced:
    | { readonly mbps: number; readonly was: number; readonly why: string; readonly at: string }
    | undefined;
  /** The rollback of this try has been told. */
  readonly rolledBack: boolean;
  /** Once it is undone it begins anew: a person said so while the source was contested. */
  readonly restart: boolean;
  /** Sequence of the last event: what the next append expects. */
  readonly seq: number;
  /** Ids of attempts never repeat, not even after a retry. */
  readonly attempts: number;
  /** Tries of the present step since its state was entered, or since it last came further. */
  readonly tries: number;
  /** Of the request that queued it: all its commands carry that trace on, hours later too. */
  readonly traceparent: string | undefined;
}

const fresh = {
  passes: [],
  inspected: undefined,
  convertible: false,
  proofFailures: 0,
  forecast: undefined,
  cutover: undefined,
  postponed: false,
  paused: false,
  rehearsalAsked: false,
  released: false,
  kept: false,
  guarded: undefined,
  paced: undefined,
  restart: false,
  rolledBack: false,
} as const;

export const newCourse = (migration: string, vm: string): Course => ({
  migration,
  vm,
  state: 'NW',
  plan: undefined,
  attempt: 1,
  since: '',
  failure: undefined,
  stuck: undefined,
  entered: {},
  error: undefined,
  cancelledIn: undefined,
  previous: undefined,
  ended: undefined,
  archived: false,
  owed: undefined,
  stopped: false,
  results: {},
  ...fresh,
  ran: false,
  concerns: [],
  throttle: undefined,
  seq: 0,
  attempts: 1,
  tries: 1,
  traceparent: undefined,
});

/** The step that a state waits for. */
export const stepOf: { readonly [S in State]?: StepName } = {
  PR: 'prepare',
  IN: 'inspect',
  RE: 'rehearse',
  RL: 'release',
  SN: 'snapshot',
  PC: 'copy',
  PP: 'prove',
  RM: 'removeSnapshot',
  ST: 'powerOff',
  FC: 'findChanges',
  CP: 'copy',
  PV: 'prove',
  CV: 'convert',
  HO: 'handOver',
  CR: 'create',
  CK: 'checkOff',
  SR: 'start',
  WA: 'watchHealth',
  SE: 'settle',
  RT: 'removeTarget',
  TY: 'tidySource',
  TS: 'stopTarget',
  RS: 'powerOn',
  AT: 'tidySource',
  AL: 'removeTarget',
};

/** The event that tells of a step's good end. */
export const eventOf: { readonly [K in StepName]: VmEventType } = {
  prepare: 'vm.prepared',
  inspect: 'vm.inspected',
  rehearse: 'vm.rehearsed',
  release: 'vm.released',
  snapshot: 'vm.snapshotted',
  removeSnapshot: 'vm.snapshot-removed',
  powerOff: 'vm.powered-off',
  findChanges: 'vm.changes-found',
  copy: 'vm.pass-finished',
  prove: 'vm.proved',
  convert: 'vm.converted',
  handOver: 'vm.handed-over',
  create: 'vm.created',
  checkOff: 'vm.source-checked',
  start: 'vm.started',
  unseal: 'vm.unsealed',
  watchHealth: 'vm.healthy',
  settle: 'vm.settled',
  removeTarget: 'vm.target-removed',
  tidySource: 'vm.source-tidied',
  stopTarget: 'vm.target-stopped',
  powerOn: 'vm.source-started',
};

interface Stamp {
  readonly seq: number;
  readonly time: string;
  readonly traceparent?: string;
}

/** Folds one event in. What cannot happen in the present state changes nothing but the sequence: an old log still folds. */
export function apply(course: Course, event: TranshipEvent, { seq, time, traceparent }: Stamp): Course {
  const cell = transition(course.state, event.type as VmEventType);
  if (cell === undefined || cell === '__') return { ...course, seq };
  const state = cell === 'HI' ? before(course) : cell;
  const moved = state !== course.state;
  const next: Course = {
    ...course,
    seq,
    state,
    ...(moved
      ? {
          since: time,
          entered: { ...course.entered, [state]: time },
          previous: course.state,
          failure: undefined,
          stuck: undefined,
          attempt: course.attempts,
          tries: 1,
          stopped: course.stopped || state === 'ST',
          ended: final.has(state) ? state : course.ended,
        }
      : {}),
  };
  return { ...next, ...detail(next, event, time), ...(event.type === 'vm.queued' ? { traceparent } : {}) };
}

/** A start that is tried again is checked again first. */
const before = ({ previous, state, ended }: Course): State =>
  archiving.has(state) ? ended! : previous === 'SR' ? 'CK' : (previous ?? state);

function detail(course: Course, event: TranshipEvent, time: string): Partial<Course> {
  switch (event.type) {
    case 'vm.queued':
      return { plan: event.data };
    case 'vm.step-failed': {
      const stuck = stuckBy(course, event.data, time);
      return {
        ...{ failure: { error: event.data.error, again: event.data.again, at: time }, stuck },
        ...(event.data.again ? { ...anew(course), tries: stuck.failures + 1 } : {}),
      };
    }
    case 'vm.cancel-requested':
      return { cancelledIn: course.state };
    case 'vm.retried':
      return {
        ...another(course),
        failure: undefined,
        error: undefined,
        cancelledIn: undefined,
        ...(course.state === 'QU' ? begun(course, time) : {}),
        ...(course.state === 'RT' ? { restart: true } : {}),
      };
    case 'vm.proof-failed':
      return { proofFailures: course.proofFailures + 1, ...anew(course) };
    case 'vm.pass-started':
      return { passes: [...finished(course.passes), startPass(event.data.pass, time)], kept: false, ...anew(course) };
    case 'vm.inspected':
      return {
        ...result(course, event),
        inspected: finished(course.passes).at(-1)?.pass,
        convertible: course.convertible || !event.data.concerns.some(({ category }) => category === 'critical'),
      };
    case 'vm.inspection-due':
    case 'vm.release-due':
    case 'vm.prepare-due':
      return anew(course);
    case 'vm.rehearsal-requested':
      return { rehearsalAsked: true };
    case 'vm.rehearsal-due':
      return { rehearsalAsked: false, ...anew(course) };
    case 'vm.prepared':
    case 'vm.released':
      return { ...result(course, event), released: event.type === 'vm.released' };
    case 'vm.cutover-due':
      return course.passes.length > 0 ? anew(course) : {};
    case 'vm.forecast':
      return { forecast: event.data };
    case 'vm.cutover-requested':
      return { cutover: { at: event.data.at, force: event.data.force, asked: time }, postponed: false };
    case 'vm.cutover-postponed':
      // The guest may still shut down: whether it is to be started again is not forgotten.
      return { cutover: undefined, postponed: true, failure: undefined };
    case 'vm.paused':
    case 'vm.resumed':
      return { paused: event.type === 'vm.paused' };
    case 'vm.guarded':
      // A higher attempt: whoever still reads at the snapshot sees that it is to stop.
      return {
        guarded: event.data.error,
        passes: course.state === 'RM' ? giveUp(course.passes) : course.passes,
        ...anew(course),
      };
    case 'vm.eased':
      return { guarded: undefined };
    case 'vm.snapshot-removed':
      // With its snapshot goes a pass that was given up.
      return { ...result(course, event), passes: finished(course.passes) };
    case 'vm.throttled':
      return { throttle: event.data.mbps ?? undefined };
    case 'vm.paced': {
      const { mbps, ...pace } = event.data;
      return { paced: mbps === null ? undefined : { ...pace, mbps, at: time } };
    }
    case 'vm.snapshotted':
    case 'vm.changes-found':
    case 'vm.pass-finished':
    case 'vm.proved':
      return {
        ...result(course, event),
        passes: finishPass(course.passes, event, time),
        kept: course.kept && event.type !== 'vm.changes-found',
        ran: course.ran && event.type !== 'vm.proved',
      };
    case 'vm.unsealed':
      return { ...result(course, event), ...anew(course), failure: undefined, stuck: undefined, tries: 1 };
    case 'vm.rollback-requested':
      return anew(course);
    case 'vm.archive-requested':
      return { ...anew(course), owed: undefined };
    case 'vm.archive-failed':
      return { owed: event.data.error };
    case 'vm.target-removed':
      return { ...result(course, event), kept: event.data.kept, ran: course.ran && event.data.kept };
    case 'vm.target-stopped':
      return { ...result(course, event), ran: true, kept: false };
    case 'vm.rolled-back':
      return { rolledBack: true };
    case 'vm.concern-raised':
      return { concerns: [...course.concerns, event.data] };
    case 'vm.archived':
      return { archived: true };
    case 'vm.undo-began':
      // What a pass that was cut off, or a conversion, changed of a proven copy is found by the next pass.
      return {
        error: event.data.error ?? course.error,
        kept: course.ran || (event.data.error !== undefined && (course.kept || proven(course.passes).length > 0)),
      };
    case 'vm.failed':
      return { error: event.data.error ?? course.error };
    case 'vm.contested':
    case 'vm.decision-needed':
      return { error: event.data.error };
    default:
      return result(course, event);
  }
}

/** Tried again from its end: all anew, but for a copy that was kept. */
function begun({ kept, passes }: Course, time: string): Partial<Course> {
  const copied = kept ? { kept, passes: proven(passes) } : {};
  return { ...fresh, ...copied, results: {}, entered: { QU: time }, stopped: false };
}

function result({ results }: Course, { type, data }: TranshipEvent): Partial<Course> {
  const step = (Object.keys(eventOf) as StepName[]).find((name) => eventOf[name] === type);
  return step ? { results: { ...results, [step]: facts(data) } } : {};
}

/** The steps of a pass come again with every pass: as other commands. */
const anew = ({ attempts }: Course) => ({ attempt: attempts + 1, attempts: attempts + 1 });
const another = ({ attempts, tries }: Course) => ({ attempt: attempts + 1, attempts: attempts + 1, tries: tries + 1 });

export const isFinal = ({ state, restart }: Course): boolean => final.has(state) && !restart;

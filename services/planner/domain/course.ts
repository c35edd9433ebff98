import type { Problem, StepName, TranshipEvent, VmEventType, VmPlan } from '@tranship/contracts';
import { final, type State, transition } from './states.ts';

/** One VM's course: the fold of its events. */
export interface Course {
  readonly migration: string;
  readonly vm: string;
  readonly state: State;
  readonly plan: VmPlan | undefined;
  /** Counts the tries of the present step; part of the command's id. */
  readonly attempt: number;
  /** When the present state was entered (ISO time). */
  readonly since: string;
  /** The last failure of the present step; `again` while it is to be tried once more. */
  readonly failure: { readonly error: Problem; readonly again: boolean } | undefined;
  /** Why the course turned back, or stands. */
  readonly error: Problem | undefined;
  /** The state in which a cancel was asked for. */
  readonly cancelledIn: State | undefined;
  /** The state before the present one, where `HI` leads back to. */
  readonly previous: State | undefined;
  /** The source was told to stop, so that going back means starting it. */
  readonly stopped: boolean;
  readonly results: { readonly [K in StepName]?: unknown };
  /** Sequence of the last event: what the next append expects. */
  readonly seq: number;
  /** Ids of attempts never repeat, not even after a retry. */
  readonly attempts: number;
  /** Tries of the present step since its state was entered. */
  readonly tries: number;
  /** Of the request that queued it: all its commands carry that trace on, hours later too. */
  readonly traceparent: string | undefined;
}

export const newCourse = (migration: string, vm: string): Course => ({
  migration,
  vm,
  state: 'NW',
  plan: undefined,
  attempt: 1,
  since: '',
  failure: undefined,
  error: undefined,
  cancelledIn: undefined,
  previous: undefined,
  stopped: false,
  results: {},
  seq: 0,
  attempts: 1,
  tries: 1,
  traceparent: undefined,
});

/** The step that a state waits for. */
export const stepOf: { readonly [S in State]?: StepName } = {
  PR: 'prepare',
  ST: 'powerOff',
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
  TS: 'stopTarget',
  RS: 'powerOn',
};

/** The event that tells of a step's good end. */
export const eventOf: { readonly [K in StepName]: VmEventType } = {
  prepare: 'vm.prepared',
  powerOff: 'vm.powered-off',
  copy: 'vm.pass-finished',
  prove: 'vm.proved',
  convert: 'vm.converted',
  handOver: 'vm.handed-over',
  create: 'vm.created',
  checkOff: 'vm.source-checked',
  start: 'vm.started',
  watchHealth: 'vm.healthy',
  settle: 'vm.settled',
  removeTarget: 'vm.target-removed',
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
  const state = cell === 'HI' ? (course.previous ?? course.state) : cell;
  const moved = state !== course.state;
  const next: Course = {
    ...course,
    seq,
    state,
    ...(moved
      ? {
          since: time,
          previous: course.state,
          failure: undefined,
          attempt: course.attempts,
          tries: 1,
          stopped: course.stopped || state === 'ST',
        }
      : {}),
  };
  return { ...next, ...detail(next, event), ...(event.type === 'vm.queued' ? { traceparent } : {}) };
}

function detail(course: Course, event: TranshipEvent): Partial<Course> {
  switch (event.type) {
    case 'vm.queued':
      return { plan: event.data };
    case 'vm.step-failed':
      return {
        failure: { error: event.data.error, again: event.data.again },
        ...(event.data.again ? another(course) : {}),
      };
    case 'vm.cancel-requested':
      return { cancelledIn: course.state };
    case 'vm.retried':
      return {
        ...another(course),
        failure: undefined,
        error: undefined,
        cancelledIn: undefined,
        ...(course.state === 'QU' ? { results: {}, stopped: false } : {}),
      };
    case 'vm.undo-began':
    case 'vm.failed':
      return { error: event.data.error ?? course.error };
    case 'vm.contested':
    case 'vm.decision-needed':
      return { error: event.data.error };
    default: {
      const step = (Object.keys(eventOf) as StepName[]).find((name) => eventOf[name] === event.type);
      return step ? { results: { ...course.results, [step]: event.data } } : {};
    }
  }
}

const another = ({ attempts, tries }: Course) => ({ attempt: attempts + 1, attempts: attempts + 1, tries: tries + 1 });

export const isFinal = (course: Course): boolean => final.has(course.state);

import type { Problem, StepInput, StepName, TranshipEvent } from '@tranship/contracts';
import { type Course, stepOf } from './course.ts';
import type { State } from './states.ts';

/** What is due: a command for a worker, or a fact that the planner itself may state. */
export type Due =
  | { readonly kind: 'command'; readonly step: StepName; readonly input: StepInput<StepName> }
  | { readonly kind: 'event'; readonly event: TranshipEvent };

/** Removing the workbench ends these at once; every other step is let end before the course turns back. */
const interruptible: ReadonlySet<State> = new Set<State>(['QU', 'CP', 'PV', 'CV']);
/** In these nothing of the target has run yet. */
const undoable: ReadonlySet<State> = new Set<State>(['QU', 'PR', 'ST', 'CP', 'PV', 'CV', 'HO', 'CR', 'CK']);

/** The next move: a pure function of the fold. `undefined`: nothing is due (over, or a person, or the scheduler, decides). */
export function next(course: Course): Due | undefined {
  const { state, plan, failure, cancelledIn, error } = course;
  if (!plan) return undefined;
  if (
    cancelledIn !== undefined &&
    undoable.has(state) &&
    (interruptible.has(state) || state !== cancelledIn || failure)
  ) {
    return say({ type: 'vm.undo-began', data: {} });
  }
  if (failure && !failure.again) return turn(state, failure.error);
  if (state === 'SD') return say({ type: 'vm.succeeded', data: { unproven: unproven(course) } });
  if (state === 'UD' || (state === 'RS' && !mustRestart(course))) {
    return say(
      cancelledIn === undefined
        ? { type: 'vm.failed', data: error ? { error } : {} }
        : { type: 'vm.cancelled', data: {} },
    );
  }
  if (state === 'CK' && !plan.start) return command('settle', course);
  const step = stepOf[state];
  return step ? command(step, course) : undefined;
}

function turn(state: State, error: Problem): Due {
  if (error.code === 'source.contested') return say({ type: 'vm.contested', data: { error } });
  return say(
    undoable.has(state) ? { type: 'vm.undo-began', data: { error } } : { type: 'vm.decision-needed', data: { error } },
  );
}

const say = (event: TranshipEvent): Due => ({ kind: 'event', event });
/** What `powerOff` found, where it came so far. */
const wasOn = ({ plan, results }: Course) =>
  ((results.powerOff as { was?: string } | undefined)?.was ?? plan?.power) === 'poweredOn';
const mustRestart = (course: Course) => course.stopped && wasOn(course);
const unproven = ({ plan, results }: Course) =>
  plan!.start && !(results.watchHealth as { proven?: boolean } | undefined)?.proven;

function command(step: StepName, course: Course): Due {
  return { kind: 'command', step, input: input(step, course) };
}

/** Where nothing was converted there is no guest that could answer. */
function agentMode({ plan, results }: Course) {
  const { agent } = plan!.health;
  const engine = (results.convert as { engine?: string } | undefined)?.engine;
  return agent === 'ifPresent' && engine === 'none' ? 'ignore' : agent;
}

/** The step that is due in this state: `settle` stands in for `checkOff` where nothing is to be started. */
export const dueStep = (course: Course): StepName | undefined =>
  course.state === 'CK' && course.plan && !course.plan.start ? 'settle' : stepOf[course.state];

function input(step: StepName, course: Course): StepInput<StepName> {
  const { migration, vm } = course;
  const plan = course.plan!;
  const { target, connection, workbench } = plan;
  const ours = { migration, vm, workbench };
  const source = { migration, vm, provider: connection.provider };
  switch (step) {
    case 'prepare':
      return { ...ours, disks: target.disks, connection, nodeSelector: target.nodeSelector };
    case 'powerOff':
      return { ...source, power: plan.power, ...plan.shutdown };
    case 'copy':
      return { ...ours, connection, disks: target.disks.map((disk) => ({ ...disk, how: 'full' })), pass: 1, audit: 0 };
    case 'prove':
      return { ...ours, disks: target.disks, pass: 1 };
    case 'convert': {
      const nics = target.nics.map(({ mac, addresses }) => ({ mac, addresses }));
      return { ...ours, disks: target.disks, guestId: plan.guestId, mode: plan.convert, nics };
    }
    case 'watchHealth':
      return { ...ours, target, ...plan.health, agent: agentMode(course) };
    case 'checkOff':
    case 'powerOn':
      return source;
    default:
      return { ...ours, target };
  }
}

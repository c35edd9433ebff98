/** Where a course can be hit, in its order. */
export const steps = ['prepare', 'snapshot', 'copy', 'prove', 'delta', 'final', 'hand-over'] as const;
export type Step = (typeof steps)[number];

const moving = ['copy', 'delta', 'final'] as const;
const worker = ['copy', 'prove', 'delta', 'final'] as const;

/** The matrix: what is killed, or fails, and at which steps that means anything. A row is one warm migration, a cell one hit. */
export const matrix = {
  /** The control: what must be read when nothing fails. */
  none: worker,
  worker,
  nbdkit: moving,
  pod: worker,
  eviction: worker,
  /** Stopped beyond its lease, its pod replaced, then woken: never two at work. */
  frozen: ['copy', 'final'],
  /** The scratch volume's content is lost with its pod. */
  scratch: worker,
  nats: steps,
  planner: steps,
  inventory: ['snapshot', 'copy', 'delta', 'final', 'hand-over'],
  'vm-builder': ['prepare', 'copy', 'final', 'hand-over'],
  sessions: ['snapshot', 'copy', 'delta', 'final', 'hand-over'],
  /** All pods, containerd and the kubelet at once, as when a machine is reset. */
  node: ['copy', 'final'],
} as const satisfies Record<string, readonly Step[]>;
export type Kill = keyof typeof matrix;
export const kills = Object.keys(matrix) as Kill[];

export interface Row {
  readonly kill: Kill;
  readonly steps: readonly Step[];
}

/** The rows that are asked for, with `undefined` for all. @throws RangeError that names what there is no such of */
export function rowsOf(onlyKills?: string, onlySteps?: string): Row[] {
  const [k, s] = [chosen('kill', kills, onlyKills), chosen('step', steps, onlySteps)];
  return k
    .map((kill) => ({ kill, steps: (matrix[kill] as readonly Step[]).filter((step) => s.includes(step)) }))
    .filter((row) => row.steps.length > 0);
}

function chosen<T extends string>(what: string, all: readonly T[], list: string | undefined): readonly T[] {
  if (list === undefined) return all;
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(all as readonly string[]).includes(name));
  if (unknown.length > 0) throw new RangeError(`no ${what} ${unknown.join(', ')}: ${all.join(', ')}`);
  return all.filter((name) => names.includes(name));
}

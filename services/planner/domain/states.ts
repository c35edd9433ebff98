import type { VmEventType } from '@tranship/contracts';

/** The states of one VM's course, and the step that each waits for. See SPEC.md. */
export const stateNames = {
  NW: 'new',
  QU: 'queued',
  PR: 'preparing',
  ST: 'stopping-source',
  CP: 'copying',
  PV: 'proving',
  CV: 'converting',
  HO: 'handing-over',
  CR: 'creating',
  CK: 'checking-source',
  SR: 'starting',
  WA: 'watching',
  SE: 'settling',
  SD: 'settled',
  RT: 'removing-target',
  TS: 'stopping-target',
  RS: 'restarting-source',
  UD: 'undone',
  OK: 'succeeded',
  FA: 'failed',
  CA: 'cancelled',
  CO: 'contested',
  DN: 'decision-needed',
} as const;
export type State = keyof typeof stateNames;

/** `__`: the event cannot happen in this state. `HI`: back to the state that the course stood in before. */
export type Cell = State | '__' | 'HI';

const columns = [
  'vm.queued',
  'vm.admitted',
  'vm.prepared',
  'vm.powered-off',
  'vm.pass-finished',
  'vm.proved',
  'vm.converted',
  'vm.handed-over',
  'vm.created',
  'vm.source-checked',
  'vm.started',
  'vm.healthy',
  'vm.settled',
  'vm.succeeded',
  'vm.step-failed',
  'vm.cancel-requested',
  'vm.retried',
  'vm.rollback-requested',
  'vm.undo-began',
  'vm.contested',
  'vm.decision-needed',
  'vm.target-removed',
  'vm.target-stopped',
  'vm.source-started',
  'vm.failed',
  'vm.cancelled',
] as const satisfies readonly VmEventType[];
type Missing = Exclude<VmEventType, (typeof columns)[number]>;
/** Does not compile while an event has no column. */
const everyEventHasAColumn: [Missing] extends [never] ? true : Missing = true;
void everyEventHasAColumn;

type Cells<T extends readonly unknown[]> = { readonly [K in keyof T]: Cell };
type Row = Cells<typeof columns>;

// biome-ignore format: a table, one row a state; a missing cell or row does not compile
const rows: { readonly [S in State]: Row } = {
  //   queu  admi  prep  off   pass  prov  conv  hand  crea  chkd  start heal  sett  succ  sfail canc  retr  rollb undo  cont  deci  trem  tstop srcon fail  cand
  NW: ['QU', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  QU: ['__', 'PR', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'QU', '__', '__', 'RT', '__', '__', '__', '__', '__', '__', '__'],
  PR: ['__', '__', 'ST', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'PR', 'PR', '__', '__', 'RT', '__', '__', '__', '__', '__', '__', '__'],
  ST: ['__', '__', '__', 'CP', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'ST', 'ST', '__', '__', 'RT', '__', '__', '__', '__', '__', '__', '__'],
  CP: ['__', '__', '__', '__', 'PV', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'CP', 'CP', '__', '__', 'RT', 'CO', '__', '__', '__', '__', '__', '__'],
  PV: ['__', '__', '__', '__', '__', 'CV', '__', '__', '__', '__', '__', '__', '__', '__', 'PV', 'PV', '__', '__', 'RT', 'CO', '__', '__', '__', '__', '__', '__'],
  CV: ['__', '__', '__', '__', '__', '__', 'HO', '__', '__', '__', '__', '__', '__', '__', 'CV', 'CV', '__', '__', 'RT', 'CO', '__', '__', '__', '__', '__', '__'],
  HO: ['__', '__', '__', '__', '__', '__', '__', 'CR', '__', '__', '__', '__', '__', '__', 'HO', 'HO', '__', '__', 'RT', 'CO', '__', '__', '__', '__', '__', '__'],
  CR: ['__', '__', '__', '__', '__', '__', '__', '__', 'CK', '__', '__', '__', '__', '__', 'CR', 'CR', '__', '__', 'RT', 'CO', '__', '__', '__', '__', '__', '__'],
  CK: ['__', '__', '__', '__', '__', '__', '__', '__', '__', 'SR', '__', '__', 'SD', '__', 'CK', 'CK', '__', '__', 'RT', 'CO', 'DN', '__', '__', '__', '__', '__'],
  SR: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'WA', '__', '__', '__', 'SR', '__', '__', '__', '__', '__', 'DN', '__', '__', '__', '__', '__'],
  WA: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'SE', '__', '__', 'WA', '__', '__', '__', '__', '__', 'DN', '__', '__', '__', '__', '__'],
  SE: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'SD', '__', 'SE', '__', '__', '__', '__', '__', 'DN', '__', '__', '__', '__', '__'],
  SD: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'OK', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  RT: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'RT', '__', '__', '__', '__', '__', 'DN', 'RS', '__', '__', '__', '__'],
  TS: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'TS', '__', '__', '__', '__', '__', 'DN', '__', 'RS', '__', '__', '__'],
  RS: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'RS', '__', '__', '__', '__', '__', 'DN', '__', '__', 'UD', 'FA', 'CA'],
  UD: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'FA', 'CA'],
  OK: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  FA: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'QU', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  CA: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'QU', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  CO: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'RT', 'RT', '__', '__', '__', '__', '__', '__', '__', '__', '__'],
  DN: ['__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', '__', 'HI', 'TS', '__', '__', '__', '__', '__', '__', '__', '__'],
};

const columnOf = new Map<string, number>(columns.map((type, i) => [type, i]));

/** Where an event leads from a state; `__` when it cannot happen there. */
export const transition = (state: State, event: VmEventType): Cell => rows[state][columnOf.get(event)!]!;

export const allStates = Object.keys(rows) as State[];
export const allEvents: readonly VmEventType[] = columns;

/** The course is over; only `retried` may lead on. */
export const final: ReadonlySet<State> = new Set<State>(['OK', 'FA', 'CA']);
/** Waits for a person. */
export const waiting: ReadonlySet<State> = new Set<State>(['CO', 'DN']);

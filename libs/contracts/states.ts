/** The states of one VM's course, by the planner's abbreviations: how people read them. */
export const stateNames = {
  NW: 'new',
  QU: 'queued',
  PR: 'preparing',
  WT: 'waiting',
  SN: 'snapshotting',
  PC: 'precopying',
  PP: 'proving-pass',
  RM: 'removing-snapshot',
  IN: 'inspecting',
  RE: 'rehearsing',
  RL: 'releasing-workbench',
  ST: 'stopping-source',
  FC: 'finding-changes',
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
  TY: 'tidying-source',
  TS: 'stopping-target',
  RS: 'restarting-source',
  UD: 'undone',
  OK: 'succeeded',
  FA: 'failed',
  CA: 'cancelled',
  CO: 'contested',
  DN: 'decision-needed',
  AT: 'archiving',
  AL: 'removing-leftovers',
  AD: 'tidied',
} as const;
export type VmState = (typeof stateNames)[keyof typeof stateNames];

/** The course is over; only a retry leads on. */
export const finalStates: ReadonlySet<string> = new Set<VmState>(['succeeded', 'failed', 'cancelled']);
/** A person must decide. */
export const askingStates: ReadonlySet<string> = new Set<VmState>(['decision-needed', 'contested']);

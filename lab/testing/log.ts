import { Bus, type NewEvent } from '@tranship/bus';
import { type Aggregate, type EventData, type EventType, eventExamples, subjects } from '@tranship/contracts';

/** Where a log is written: as the planner, who writes courses. */
export interface LogFacts {
  readonly url: string;
  readonly passwordFile: string;
}

/** The events of one VM, each as its contract's example unless its data is given. */
export type Course = readonly (EventType | NewEvent)[];
export const event = <K extends EventType>(type: K, over: Partial<EventData<K>> = {}): NewEvent =>
  ({ type, data: { ...(eventExamples[type] as object), ...over } }) as NewEvent;

/** Up to a first pass that is proven. */
export const pass: Course = [
  ...(['vm.admitted', 'vm.prepared', 'vm.pass-started', 'vm.snapshotted', 'vm.pass-finished'] as const),
  ...(['vm.proved', 'vm.snapshot-removed'] as const),
];
export const cancelled: Course = [
  ...['vm.cancel-requested' as const, event('vm.undo-began', { error: undefined })],
  ...(['vm.target-removed', 'vm.source-tidied', 'vm.cancelled'] as const),
];
/** From a cold VM's final pass up to its end, the conversion in between. */
export const moved: Course = [
  ...(['vm.cutover-due', 'vm.powered-off', 'vm.changes-found', 'vm.pass-finished', 'vm.proved'] as const),
  ...(['vm.converted', 'vm.handed-over', 'vm.created', 'vm.source-checked', 'vm.started', 'vm.healthy'] as const),
  ...(['vm.settled', 'vm.succeeded'] as const),
];

/** From its final pass up to a target that runs, and does not get well. */
export const unwell: Course = [...moved.slice(0, moved.indexOf('vm.healthy')), 'vm.decision-needed'];

/** Lays a migration into the log, as its planner would have left it: nobody is asked to do anything. `open`: it is not over. */
export async function layMigration(
  { url, passwordFile }: LogFacts,
  { id, plan, vms, open = false }: { id: string; plan: string; vms: Readonly<Record<string, Course>>; open?: boolean },
): Promise<void> {
  const bus = await Bus.open({ url, user: 'planner', passwordFile, name: 'test', makeStreams: false });
  const context = { source: 'tranship/planner', time: new Date() };
  const append = (aggregate: Aggregate, ids: string[], course: Course) => {
    const events = course.map((each) => (typeof each === 'string' ? event(each) : each));
    return bus.events.append(subjects.event(aggregate, ...ids), events, 0, context);
  };
  const named = Object.entries(vms).map(([name, course]) => ({ id: `vm-of-${name}`, name, course }));
  try {
    for (const { id: vm, course } of named) await append('vm', [id, vm], course);
    // As an older planner started it: nothing was pinned.
    const started = { plan, source: undefined, vms: named.map(({ id: vm, name }) => ({ id: vm, name })) };
    await append(
      'migration',
      [id],
      [event('migration.started', started), ...(open ? [] : ['migration.finished' as const])],
    );
  } finally {
    await bus.close();
  }
}

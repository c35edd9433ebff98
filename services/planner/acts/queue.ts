import { BusConflict } from '@tranship/bus';
import { type EventData, TranshipError, type VmPlan } from '@tranship/contracts';
import type { MigrationFold } from '../domain/migration.ts';
import type { Aggregates, Model } from '../ports.ts';
import { unlessOvertaken } from './conflict.ts';
import { inLanes } from './lanes.ts';

/** Of one event; NATS carries 1 MiB. */
const mostBytes = 200_000;
const appendsAtOnce = 16;

export interface Pinned {
  readonly id: string;
  readonly plan: VmPlan;
}

/**
 * Starts a migration: what its VMs need is pinned first, and the start itself comes last, each after what was last said of the
 * migration. A start that is cut off, or that another one overtakes, has pinned for nobody.
 */
export async function claim(
  all: Aggregates,
  id: string,
  pins: readonly Pinned[],
  start: EventData<'migration.started'>,
): Promise<void> {
  let { events, seq } = await all.read('migration', id);
  try {
    if (events.some(isStart)) throw new BusConflict(`${id} is started`);
    for (const vms of portions(pins))
      seq = await all.append('migration', [id], { type: 'migration.pinned', data: { vms } }, seq);
    await all.append('migration', [id], { type: 'migration.started', data: start }, seq);
  } catch (error) {
    if (!(error instanceof BusConflict)) throw error;
    // The same request, asked twice, or another.
    const told = (await all.read('migration', id)).events.find(isStart)?.data as typeof start | undefined;
    if (start.key !== undefined && told?.key === start.key && told.plan === start.plan) return;
    throw new TranshipError('migration.active', `${id} is started by somebody else just now`, { cause: error });
  }
}

const isStart = ({ type }: { type: string }) => type === 'migration.started';

function portions(pins: readonly Pinned[]): Pinned[][] {
  const made: Pinned[][] = [];
  let bytes = mostBytes;
  for (const pin of pins) {
    const size = JSON.stringify(pin).length;
    bytes += size;
    if (bytes > mostBytes) {
      made.push([]);
      bytes = size;
    }
    made.at(-1)!.push(pin);
  }
  return made;
}

/** Queues the VMs of a migration that are not, as they were pinned. True when there were any. */
export async function queue(all: Aggregates, model: Model, migration: MigrationFold): Promise<boolean> {
  const { id, started, begun } = migration;
  if (started.source === undefined) return false;
  // One that an older planner queued for a start that was cut off is queued anew.
  const seqOf = (vm: string) => model.course(id, vm)?.seq ?? 0;
  const missing = started.vms.filter((vm) => seqOf(vm.id) < begun);
  if (missing.length === 0) return false;
  const { events } = await all.read('migration', id);
  const pins = new Map<string, VmPlan>();
  for (const { type, data } of events)
    if (type === 'migration.pinned')
      for (const { id: vm, plan } of (data as EventData<'migration.pinned'>).vms) pins.set(vm, plan);
  const traceparent = events.find(({ seq }) => seq === begun)?.traceparent;
  await inLanes(appendsAtOnce, missing, ({ id: vm }) =>
    unlessOvertaken(all.append('vm', [id, vm], { type: 'vm.queued', data: pins.get(vm)! }, seqOf(vm), traceparent)),
  );
  return true;
}

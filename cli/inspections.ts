import {
  type InspectResult,
  inspectResultSchema,
  type MigrationStatus,
  queries,
  type StepResult,
  steps,
  type VmEventType,
  type VmStatus,
} from '@tranship/contracts';
import type { Api } from './api.ts';

/** What was last found in a VM's guest, and made of it, with all texts: a migration's status has names alone. */
export async function guestOf(
  api: Api,
  migration: string,
  { id, results }: VmStatus,
): Promise<{ inspected?: InspectResult; converted?: StepResult<'convert'> }> {
  const { items } = await api.get(['migrations', migration, 'vms', id, 'timeline'], queries.timeline.result);
  const last = (wanted: VmEventType) => items.findLast(({ type }) => type === wanted)?.data;
  const [inspected, converted] = [last('vm.inspected'), last('vm.converted')];
  return {
    ...(inspected ? { inspected: inspectResultSchema.parse(inspected) } : {}),
    // One that is tried again from its end is not converted.
    ...(converted && results.convert ? { converted: steps.convert.result.parse(converted) } : {}),
  };
}

/** The VMs of a migration that were inspected, or the one of this name or id, with what was found. */
export async function inspectionsOf(
  api: Api,
  { id, vms }: MigrationStatus,
  only?: string,
): Promise<{ name: string; found: InspectResult }[]> {
  const wanted = vms.filter(
    (vm) => vm.results.inspect !== undefined && (only === undefined || only === vm.name || only === vm.id),
  );
  const guests = [];
  for (const vm of wanted) {
    const { inspected } = await guestOf(api, id, vm);
    if (inspected) guests.push({ name: vm.name, found: inspected });
  }
  return guests;
}

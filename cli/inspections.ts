import { type InspectResult, inspectResultSchema, type MigrationStatus, queries } from '@tranship/contracts';
import type { Api } from './api.ts';

/** What the last inspection of a VM found, with its diffs; undefined: it was not inspected. */
export async function inspectionOf(api: Api, migration: string, vm: string): Promise<InspectResult | undefined> {
  const { items } = await api.get(['migrations', migration, 'vms', vm, 'timeline'], queries.timeline.result);
  const last = items.findLast(({ type }) => type === 'vm.inspected');
  return last && inspectResultSchema.parse(last.data);
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
  const found = await Promise.all(wanted.map((vm) => inspectionOf(api, id, vm.id)));
  return wanted.flatMap(({ name }, i) => (found[i] ? [{ name, found: found[i] }] : []));
}

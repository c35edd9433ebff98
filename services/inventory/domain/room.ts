import type { Room, SourceVm } from '@tranship/contracts';
import { number, object, text } from './vim.ts';

export interface Datastore {
  readonly id: string;
  readonly name: string;
  readonly freeBytes: number;
  /** As its hosts' figures name it. */
  readonly instance: string;
}

/** Of a Datastore's `summary`. */
export function datastoreOf(id: string, summary: unknown): Datastore {
  const { name, freeSpace, url } = object(summary) ?? {};
  const instance = (text(url) ?? '').split('/').filter(Boolean).at(-1) ?? '';
  return { id, name: text(name) ?? id, freeBytes: number(freeSpace) ?? 0, instance };
}

/** Where a VM's disks lie: a snapshot grows beside each of them. */
export const datastoresOf = ({ disks }: Pick<SourceVm, 'disks'>): string[] => [
  ...new Set(disks.flatMap(({ datastore }) => datastore?.id ?? [])),
];

/** The least room that a snapshot of the VM finds; undefined where nothing is known of its datastores. */
export function roomFor(vm: Pick<SourceVm, 'id' | 'disks'>, all: readonly Datastore[], needBytes: number) {
  const own = datastoresOf(vm);
  const [least] = all.filter(({ id }) => own.includes(id)).sort((a, b) => a.freeBytes - b.freeBytes);
  return least && ({ vm: vm.id, datastore: least.name, freeBytes: least.freeBytes, needBytes } satisfies Room);
}

import type { Latency, SourceVm } from '@tranship/contracts';
import { type Datastore, datastoresOf } from './room.ts';

type Asked = Pick<SourceVm, 'id' | 'host' | 'disks'>;

/** How long a datastore took to answer one host, milliseconds. */
export interface Seen {
  readonly instance: string;
  readonly ms: number;
}

/** Whatever takes longer: a copy reads, and whom it is in the way of writes. */
export const latencyCounters = ['datastore.totalReadLatency.average', 'datastore.totalWriteLatency.average'] as const;
/** ESXi is known to tell of ages now and then. */
const longestMs = 600_000;

/** Whom to ask for what: each host for the datastores that VMs of its own lie on. */
export function questions(vms: readonly Asked[], stores: readonly Datastore[]): Map<string, string[]> {
  const hosts = Map.groupBy(vms, ({ host }) => host?.id ?? '');
  hosts.delete('');
  const instances = (its: readonly Asked[]) => {
    const own = new Set(its.flatMap(datastoresOf));
    return stores.flatMap(({ id, instance }) => (own.has(id) && instance !== '' ? instance : []));
  };
  return new Map([...hosts].map(([host, its]) => [host, instances(its)]));
}

/** Of the VM's datastores the slowest, as whichever host sees it; `undefined`: nothing is known of them. */
export function latencyFor(vm: Asked, stores: readonly Datastore[], seen: readonly Seen[], maxMs: number) {
  const own = datastoresOf(vm);
  const [slowest] = stores
    .filter(({ id }) => own.includes(id))
    .flatMap(({ name, instance }) => seen.flatMap((each) => (each.instance === instance ? { name, ms: each.ms } : [])))
    .filter(({ ms }) => ms <= longestMs)
    .sort((a, b) => b.ms - a.ms);
  return slowest && ({ vm: vm.id, datastore: slowest.name, ms: slowest.ms, maxMs } satisfies Latency);
}

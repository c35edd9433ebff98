import {
  documentExamples,
  type Plan,
  planSchema,
  providerSchema,
  type QueryInput,
  queryExamples,
  type SourceVm,
} from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { bus, clock } from './replica.ts';

const example = queryExamples.findVms.result.matches[0]![0] as SourceVm;
const maps = {
  networkMap: {
    entries: example.nics.map(({ network }) => ({ source: { name: network!.name }, target: { type: 'pod' } })),
  },
  storageMap: {
    entries: example.disks.map(({ datastore }) => ({
      source: { name: datastore!.name },
      target: { storageClass: 'fast', volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce' },
    })),
  },
};

/** A source with VMs of these names, `vm-1` and on, and all that a planner asks of the other services about them. */
export function estate(names: readonly string[], over: (name: string, i: number) => Partial<SourceVm> = () => ({})) {
  const { changeTrackingSupported: _, ...like } = example;
  const vms = names.map(
    (name, i): SourceVm => ({
      ...{ ...like, id: `vm-${i + 1}`, name, powerState: 'poweredOn', secureBoot: false, snapshots: 0 },
      ...over(name, i),
    }),
  );
  const byName = new Map(vms.map((vm) => [vm.name, vm]));
  const answers = {
    findVms: ({ refs }: QueryInput<'findVms'>) => ({
      matches: refs.map(({ name = '' }) => (byName.has(name) ? [byName.get(name)!] : [])),
    }),
    getProvider: () => providerSchema.parse(documentExamples.Provider),
    targetFacts: () => ({ storageClasses: ['fast'], namespaces: ['apps'], networks: [], vms: [], keyless: [] }),
    connection: ({ name }: QueryInput<'connection'>) => ({ ...queryExamples.connection.result, provider: name }),
  };
  const query = (async (name: keyof typeof answers, input: never) => answers[name](input)) as unknown as Kit['query'];
  return { kit: { bus, clock, query } as unknown as Kit };
}

export const planOf = (name: string, vms: readonly object[], spec: object = {}): Plan =>
  planSchema.parse({
    ...{ apiVersion: 'tranship.dev/v1', kind: 'Plan', metadata: { name } },
    spec: { source: 'vc1', target: { namespace: 'apps' }, type: 'cold', vms, ...maps, ...spec },
  });

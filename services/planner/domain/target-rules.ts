import { networkOf, storageOf, targetName } from './resolve.ts';
import { type Rule, when } from './rule.ts';

/** What the target, or a map to it, has not. */
export const targetRules: readonly Rule[] = [
  {
    id: 'storage.unmapped',
    find: ({ vm, maps }) =>
      vm.disks
        .filter((d) => !storageOf(d.datastore, maps))
        .map((d) => ({
          path: `disks[${d.key}].datastore`,
          why: `${d.label} lies on ${d.datastore?.name ?? 'an unknown datastore'}`,
        })),
  },
  {
    id: 'storage.class-missing',
    find: ({ vm, maps, facts }) =>
      [...new Set(vm.disks.map((d) => storageOf(d.datastore, maps)?.storageClass))]
        .filter((name) => name !== undefined && facts !== undefined && !facts.storageClasses.includes(name))
        .map((name) => ({ path: 'storageMap', why: `the target has no storage class ${name}` })),
  },
  {
    id: 'nic.unmapped',
    find: ({ vm, maps }) =>
      vm.nics
        .filter((n) => !networkOf(n, maps))
        .map((n) => ({
          path: `nics[${n.key}].network`,
          why: `${n.label} is on ${n.network?.name ?? 'an unknown network'}`,
        })),
  },
  {
    id: 'nic.pod-twice',
    find: ({ vm, maps }) =>
      when(
        vm.nics.filter((n) => networkOf(n, maps)?.type === 'pod').length > 1,
        'nics',
        'KubeVirt allows one pod network a VM',
      ),
  },
  {
    id: 'nic.target-missing',
    find: ({ vm, maps, facts }) =>
      vm.nics
        .map((n) => networkOf(n, maps))
        .filter((target) => target?.type === 'multus' && facts !== undefined && !facts.networks.includes(target.name))
        .map((target) => ({
          path: 'networkMap',
          why: `the target has no ${target?.type === 'multus' ? target.name : ''}`,
        })),
  },
  {
    id: 'target.transfer-network-missing',
    find: ({ plan: { spec }, facts }) =>
      when(
        spec.transferNetwork !== null && facts !== undefined && !facts.networks.includes(spec.transferNetwork),
        'transferNetwork',
        `the target has no ${spec.transferNetwork}`,
      ),
  },
  {
    id: 'target.namespace-missing',
    find: ({ plan, facts }) =>
      when(
        facts !== undefined && !facts.namespaces.includes(plan.spec.target.namespace),
        'target.namespace',
        `no namespace ${plan.spec.target.namespace}`,
      ),
  },
  {
    id: 'target.unreachable',
    find: ({ facts }) =>
      when(facts === undefined, 'target', 'nothing is known of its classes, networks and namespaces'),
  },
  {
    id: 'target.provider-unknown',
    find: ({ plan }) =>
      when(plan.spec.target.provider !== 'host', 'target.provider', `there is no target ${plan.spec.target.provider}`),
  },
  {
    id: 'target.name-taken',
    find: ({ entry, vm, facts, plan }) =>
      when(
        facts?.vms.includes(targetName(entry, vm) ?? '') === true,
        'targetName',
        `${plan.spec.target.namespace}/${targetName(entry, vm)} is there already`,
      ),
  },
  {
    id: 'luks.secret',
    find: ({ entry, facts }) =>
      (facts?.keyless ?? [])
        .filter(({ secret }) => secret === entry.luks?.secret)
        .map(({ why }) => ({ path: 'luks.secret', why })),
  },
];

import { networkOf, storageOf, targetName } from './resolve.ts';
import { type Rule, when } from './rule.ts';

/** What the target, or a map to it, has not. */
export const targetRules: readonly Rule[] = [
  {
    id: 'storage.unmapped',
    category: 'critical',
    label: 'A datastore that the storage map does not name',
    fix: 'Add an entry for it to the storage map',
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
    category: 'critical',
    label: 'A storage class that the target does not have',
    fix: 'Name one of the target’s storage classes in the storage map',
    find: ({ vm, maps, facts }) =>
      [...new Set(vm.disks.map((d) => storageOf(d.datastore, maps)?.storageClass))]
        .filter((name) => name !== undefined && facts !== undefined && !facts.storageClasses.includes(name))
        .map((name) => ({ path: 'storageMap', why: `the target has no storage class ${name}` })),
  },
  {
    id: 'nic.unmapped',
    category: 'critical',
    label: 'A network that the network map does not name',
    fix: 'Add an entry for it to the network map (target: pod, multus or ignored)',
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
    category: 'critical',
    label: 'Two NICs on the pod network',
    fix: 'Map all but one of them to a multus network, or ignore them',
    find: ({ vm, maps }) =>
      when(
        vm.nics.filter((n) => networkOf(n, maps)?.type === 'pod').length > 1,
        'nics',
        'KubeVirt allows one pod network a VM',
      ),
  },
  {
    id: 'nic.target-missing',
    category: 'critical',
    label: 'A network attachment that the target does not have',
    fix: 'Create the NetworkAttachmentDefinition, or name another in the network map',
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
    category: 'critical',
    label: 'A transfer network that the target does not have',
    fix: 'Create the NetworkAttachmentDefinition, or name another in spec.transferNetwork',
    find: ({ plan: { spec }, facts }) =>
      when(
        spec.transferNetwork !== null && facts !== undefined && !facts.networks.includes(spec.transferNetwork),
        'transferNetwork',
        `the target has no ${spec.transferNetwork}`,
      ),
  },
  {
    id: 'target.namespace-missing',
    category: 'critical',
    label: 'The target namespace does not exist',
    fix: 'Create it on the target, or name another in spec.target.namespace',
    find: ({ plan, facts }) =>
      when(
        facts !== undefined && !facts.namespaces.includes(plan.spec.target.namespace),
        'target.namespace',
        `no namespace ${plan.spec.target.namespace}`,
      ),
  },
  {
    id: 'target.unreachable',
    category: 'critical',
    label: 'The target cluster does not answer',
    fix: 'See that vm-builder runs and reaches the cluster, then validate again',
    find: ({ facts }) =>
      when(facts === undefined, 'target', 'nothing is known of its classes, networks and namespaces'),
  },
  {
    id: 'target.provider-unknown',
    category: 'critical',
    label: 'A target that is not there',
    fix: 'Use the provider "host": the cluster that Tranship moves to',
    find: ({ plan }) =>
      when(plan.spec.target.provider !== 'host', 'target.provider', `there is no target ${plan.spec.target.provider}`),
  },
  {
    id: 'target.name-taken',
    category: 'critical',
    label: 'The target has a VirtualMachine of that name',
    fix: 'Set targetName, or remove the VirtualMachine',
    find: ({ entry, vm, facts, plan }) =>
      when(
        facts?.vms.includes(targetName(entry, vm) ?? '') === true,
        'targetName',
        `${plan.spec.target.namespace}/${targetName(entry, vm)} is there already`,
      ),
  },
  {
    id: 'luks.secret',
    category: 'critical',
    label: 'A Secret that holds no keys for encrypted volumes',
    fix: 'Make it in the namespace that is named, a key a value (`kubectl create secret generic`), or take `luks` from the VM',
    find: ({ entry, facts }) =>
      (facts?.keyless ?? [])
        .filter(({ secret }) => secret === entry.luks?.secret)
        .map(({ why }) => ({ path: 'luks.secret', why })),
  },
];

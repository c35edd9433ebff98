import type { ConcernEntry } from './entry.ts';

/** What the target, or a map to it, has not. */
export const targetConcerns = {
  'storage.unmapped': {
    category: 'critical',
    label: 'A datastore that the storage map does not name',
    fix: 'Add an entry for it to the storage map',
  },
  'storage.class-missing': {
    category: 'critical',
    label: 'A storage class that the target does not have',
    fix: 'Name one of the target’s storage classes in the storage map',
  },
  'nic.unmapped': {
    category: 'critical',
    label: 'A network that the network map does not name',
    fix: 'Add an entry for it to the network map (target: pod, multus or ignored)',
  },
  'nic.pod-twice': {
    category: 'critical',
    label: 'Two NICs on the pod network',
    fix: 'Map all but one of them to a multus network, or ignore them',
  },
  'nic.target-missing': {
    category: 'critical',
    label: 'A network attachment that the target does not have',
    fix: 'Create the NetworkAttachmentDefinition, or name another in the network map',
  },
  'target.transfer-network-missing': {
    category: 'critical',
    label: 'A transfer network that the target does not have',
    fix: 'Create the NetworkAttachmentDefinition, or name another in spec.transferNetwork',
  },
  'target.namespace-missing': {
    category: 'critical',
    label: 'The target namespace does not exist',
    fix: 'Create it on the target, or name another in spec.target.namespace',
  },
  'target.unreachable': {
    category: 'critical',
    label: 'The target cluster does not answer',
    fix: 'See that vm-builder runs and reaches the cluster, then validate again',
  },
  'target.provider-unknown': {
    category: 'critical',
    label: 'A target that is not there',
    fix: 'Use the provider "host": the cluster that Tranship moves to',
  },
  'target.name-taken': {
    category: 'critical',
    label: 'The target has a VirtualMachine of that name',
    fix: 'Set targetName, or remove the VirtualMachine',
  },
  'luks.secret': {
    category: 'critical',
    label: 'A Secret that holds no keys for encrypted volumes',
    fix: 'Make it in the namespace that is named, a key a value (`kubectl create secret generic`), or take `luks` from the VM',
  },
} as const satisfies Record<string, ConcernEntry>;

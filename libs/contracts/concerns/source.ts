import type { ConcernEntry } from './entry.ts';

/** What a VM is, or how its plan and provider want it moved. */
export const sourceConcerns = {
  'vm.not-found': {
    category: 'critical',
    label: 'No such VM',
    fix: 'Check it with `tranship inventory vms`',
  },
  'vm.ambiguous': {
    category: 'critical',
    label: 'Several VMs of this name',
    fix: 'Name it by path or id',
  },
  'vm.name-duplicate': {
    category: 'critical',
    label: 'Two VMs get the same target name',
    fix: 'Set targetName for one of them',
  },
  'vm.name-invalid': {
    category: 'critical',
    label: 'The target name is not valid in Kubernetes',
    fix: 'Set targetName: lower-case letters, digits, - and ., at most 63',
  },
  'vm.name-changed': {
    category: 'information',
    acceptable: true,
    label: 'The VM gets another name on the target',
    fix: 'Set targetName to choose it yourself',
  },
  'vm.template': {
    category: 'critical',
    label: 'The VM is a template',
    fix: 'Convert it to a VM in vCenter, or take it out of the plan',
  },
  'vm.disconnected': {
    category: 'critical',
    label: 'The VM is not reachable in vCenter',
    fix: 'Reconnect its host',
  },
  'vm.suspended': {
    category: 'critical',
    label: 'The VM is suspended',
    fix: 'Resume it and shut it down, or power it off',
  },
  'disk.none': {
    category: 'critical',
    label: 'The VM has no disk',
    fix: 'Take it out of the plan',
  },
  'disk.rdm': {
    category: 'critical',
    label: 'A raw device mapping',
    fix: 'None needed where the VM is copied while it is off; else convert it to a VMDK (storage vMotion), or set the plan’s type to cold',
  },
  'disk.rdm-physical': {
    category: 'critical',
    label: 'A physical raw device mapping',
    fix: 'Convert it to a VMDK or to a virtual RDM, or detach it and attach the LUN on the target',
  },
  'disk.unsupported': {
    category: 'critical',
    label: 'A disk backing that cannot be read',
    fix: 'Clone the disk to a datastore as a plain VMDK',
  },
  'disk.shared': {
    category: 'critical',
    acceptable: true,
    label: 'A disk shared with other VMs',
    fix: 'Shut the cluster down and detach the disk from all but one VM, or leave it out',
  },
  'disk.independent': {
    category: 'critical',
    label: 'An independent disk',
    fix: 'None needed where the VM is copied while it is off; else set its mode to "dependent", or the plan’s type to cold',
  },
  'disk.empty': {
    category: 'critical',
    label: 'A disk of no size',
    fix: 'Remove the disk from the VM',
  },
  'cbt.unsupported': {
    category: 'critical',
    acceptable: true,
    label: 'No change tracking',
    fix: 'Upgrade the VM’s virtual hardware (version 7 or newer), or set the plan’s type to cold; accepted, every pass reads all of its disks',
  },
  'transfer.nfc-warm': {
    category: 'critical',
    label: 'A warm migration, an inspection ahead or a rehearsal, by export',
    fix: 'Set the provider’s transfer.method to vddk, or the plan’s type to cold, and defaults.inspect and defaults.rehearse to none',
  },
  'transfer.nfc-full': {
    category: 'critical',
    label: 'A full proof by export',
    fix: 'Set the provider’s transfer.method to vddk, or defaults.proof to sha256',
  },
  'pci.passthrough': {
    category: 'critical',
    acceptable: true,
    label: 'A passed-through PCI device',
    fix: 'Remove it; add a host device on the target afterwards',
  },
  'nic.sriov': {
    category: 'warning',
    acceptable: true,
    label: 'An SR-IOV NIC',
    fix: 'Map its network to one with SR-IOV on the target',
  },
  'gpu.present': {
    category: 'critical',
    acceptable: true,
    label: 'A virtual GPU',
    fix: 'Remove it; add a mediated device on the target afterwards',
  },
  'tpm.present': {
    category: 'warning',
    acceptable: true,
    label: 'A virtual TPM',
    fix: 'Keep the recovery keys at hand: the TPM’s content does not move',
  },
  'usb.controller': {
    category: 'warning',
    acceptable: true,
    label: 'A USB controller',
    fix: 'Accept it if no device hangs on it; it does not move',
  },
  'nvdimm.present': {
    category: 'critical',
    acceptable: true,
    label: 'A persistent memory device',
    fix: 'Move its data to a disk and remove it',
  },
  'vm.secure-boot': {
    category: 'warning',
    acceptable: true,
    label: 'UEFI Secure Boot',
    fix: 'Accept it: the VM boots with UEFI, without Secure Boot',
  },
  'vm.snapshots': {
    category: 'information',
    acceptable: true,
    label: 'The VM has snapshots',
    fix: 'None needed: the present state moves, the snapshots stay behind',
  },
  'snapshot.space': {
    category: 'warning',
    acceptable: true,
    label: 'Too little room for a snapshot',
    fix: 'Make room on the datastore, or lower limits.minFreeGB of the provider: until then no pass begins',
  },
  'tools.not-running': {
    category: 'warning',
    acceptable: true,
    label: 'VMware Tools do not run',
    fix: 'Start them, or shut the guest down yourself before the start, or set shutdown.then: powerOff',
  },
} as const satisfies Record<string, ConcernEntry>;

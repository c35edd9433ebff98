import { type Concern, tellRoom } from '@tranship/contracts';
import { hasSnapshots, looksAhead } from './rehearsal.ts';
import { targetName } from './resolve.ts';
import { type Rule, type Subject, when } from './rule.ts';

/** What a snapshot leaves out can only be copied from a VM that is off. */
const criticalIfWarm = ({ plan }: Subject): Concern['category'] => (hasSnapshots(plan) ? 'critical' : 'warning');
const dns = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
const has = (kind: string) => (subject: Subject) =>
  when(subject.vm.devices.includes(kind), 'devices', `the VM has a device of kind ${kind}`);

/** What a VM is, or how its plan and provider want it moved. */
export const sourceRules: readonly Rule[] = [
  {
    id: 'vm.name-invalid',
    category: 'critical',
    label: 'The target name is not valid in Kubernetes',
    fix: 'Set targetName: lower-case letters, digits, - and ., at most 63',
    find: ({ entry, vm }) =>
      when(!dns.test(targetName(entry, vm) ?? ''), 'name', `"${targetName(entry, vm) ?? vm.name}" is no valid name`),
  },
  {
    id: 'vm.name-changed',
    category: 'information',
    acceptable: true,
    label: 'The VM gets another name on the target',
    fix: 'Set targetName to choose it yourself',
    find: ({ entry, vm }) =>
      when(
        entry.targetName === undefined && targetName(entry, vm) !== vm.name,
        'name',
        `"${vm.name}" becomes "${targetName(entry, vm)}"`,
      ),
  },
  {
    id: 'vm.template',
    category: 'critical',
    label: 'The VM is a template',
    fix: 'Convert it to a VM in vCenter, or take it out of the plan',
    find: ({ vm }) => when(vm.template, 'template', 'a template cannot be powered or migrated'),
  },
  {
    id: 'vm.disconnected',
    category: 'critical',
    label: 'The VM is not reachable in vCenter',
    fix: 'Reconnect its host',
    find: ({ vm }) =>
      when(vm.connectionState !== 'connected', 'connectionState', `its connection state is ${vm.connectionState}`),
  },
  {
    id: 'vm.suspended',
    category: 'critical',
    label: 'The VM is suspended',
    fix: 'Resume it and shut it down, or power it off',
    find: ({ vm }) => when(vm.powerState === 'suspended', 'powerState', 'its memory image cannot run on KVM'),
  },
  {
    id: 'disk.none',
    category: 'critical',
    label: 'The VM has no disk',
    fix: 'Take it out of the plan',
    find: ({ vm }) => when(vm.disks.length === 0, 'disks', 'there is nothing to copy'),
  },
  {
    id: 'disk.rdm',
    category: 'critical',
    label: 'A raw device mapping',
    fix: 'Convert it to a VMDK (storage vMotion), or detach it and attach the LUN on the target',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.backing === 'rdm')
        .map((d) => ({ path: `disks[${d.key}].backing`, why: `${d.label} is an RDM` })),
  },
  {
    id: 'disk.unsupported',
    category: 'critical',
    label: 'A disk backing that cannot be read',
    fix: 'Clone the disk to a datastore as a plain VMDK',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.backing === 'other')
        .map((d) => ({ path: `disks[${d.key}].backing`, why: `${d.label} is no file-backed disk` })),
  },
  {
    id: 'disk.shared',
    category: 'critical',
    acceptable: true,
    label: 'A disk shared with other VMs',
    fix: 'Shut the cluster down and detach the disk from all but one VM, or leave it out',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.shared)
        .map((d) => ({ path: `disks[${d.key}].sharing`, why: `${d.label} may be written by another VM` })),
  },
  {
    id: 'disk.independent',
    category: criticalIfWarm,
    label: 'An independent disk',
    fix: 'None needed for a cold migration; a warm one needs the mode "dependent"',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.mode.startsWith('independent'))
        .map((d) => ({ path: `disks[${d.key}].mode`, why: `${d.label} is left out of snapshots` })),
  },
  {
    id: 'disk.empty',
    category: 'critical',
    label: 'A disk of no size',
    fix: 'Remove the disk from the VM',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.capacityBytes === 0)
        .map((d) => ({ path: `disks[${d.key}].capacityBytes`, why: `${d.label} holds 0 bytes` })),
  },
  {
    id: 'cbt.unsupported',
    category: 'critical',
    acceptable: true,
    label: 'No change tracking',
    fix: 'Upgrade the VM’s virtual hardware (version 7 or newer), or set the plan’s type to cold; accepted, every pass reads all of its disks',
    // One that is off moves cold, whatever the plan says.
    find: ({ plan, vm }) =>
      when(
        plan.spec.type === 'warm' && vm.changeTrackingSupported === false && vm.powerState !== 'poweredOff',
        'changeTrackingSupported',
        'vSphere cannot tell what changed on its disks between two passes',
      ),
  },
  {
    id: 'transfer.nfc-warm',
    category: 'critical',
    label: 'A warm migration, an inspection ahead or a rehearsal, by export',
    fix: 'Set the provider’s transfer.method to vddk, or the plan’s type to cold, and defaults.inspect and defaults.rehearse to none',
    // One that is off moves cold, whatever the plan says.
    find: ({ plan, vm, method }) =>
      when(
        method === 'nfc' && (looksAhead(plan) || (plan.spec.type === 'warm' && vm.powerState !== 'poweredOff')),
        'transfer.method',
        'an export (nfc) gives whole disks: what changed between two passes cannot be read',
      ),
  },
  {
    id: 'transfer.nfc-full',
    category: 'critical',
    label: 'A full proof by export',
    fix: 'Set the provider’s transfer.method to vddk, or defaults.proof to sha256',
    find: ({ plan, method }) =>
      when(
        plan.spec.defaults.proof === 'full' && method === 'nfc',
        'transfer.method',
        'a full proof reads the source twice, and an export (nfc) gives it once',
      ),
  },
  {
    id: 'pci.passthrough',
    category: 'critical',
    acceptable: true,
    label: 'A passed-through PCI device',
    fix: 'Remove it; add a host device on the target afterwards',
    find: has('pci'),
  },
  {
    id: 'nic.sriov',
    category: 'warning',
    acceptable: true,
    label: 'An SR-IOV NIC',
    fix: 'Map its network to one with SR-IOV on the target',
    find: has('sriov'),
  },
  {
    id: 'gpu.present',
    category: 'critical',
    acceptable: true,
    label: 'A virtual GPU',
    fix: 'Remove it; add a mediated device on the target afterwards',
    find: has('vgpu'),
  },
  {
    id: 'tpm.present',
    category: 'warning',
    acceptable: true,
    label: 'A virtual TPM',
    fix: 'Keep the recovery keys at hand: the TPM’s content does not move',
    find: has('tpm'),
  },
  {
    id: 'usb.controller',
    category: 'warning',
    acceptable: true,
    label: 'A USB controller',
    fix: 'Accept it if no device hangs on it; it does not move',
    find: has('usb'),
  },
  {
    id: 'nvdimm.present',
    category: 'critical',
    acceptable: true,
    label: 'A persistent memory device',
    fix: 'Move its data to a disk and remove it',
    find: has('nvdimm'),
  },
  {
    id: 'vm.secure-boot',
    category: 'warning',
    acceptable: true,
    label: 'UEFI Secure Boot',
    fix: 'Accept it: the VM boots with UEFI, without Secure Boot',
    find: ({ vm }) => when(vm.secureBoot, 'firmware', 'the target starts it without Secure Boot'),
  },
  {
    id: 'vm.snapshots',
    category: 'information',
    acceptable: true,
    label: 'The VM has snapshots',
    fix: 'None needed: the present state moves, the snapshots stay behind',
    find: ({ vm }) => when(vm.snapshots > 0, 'snapshots', `${vm.snapshots} snapshot(s) do not move`),
  },
  {
    id: 'snapshot.space',
    category: 'warning',
    acceptable: true,
    label: 'Too little room for a snapshot',
    fix: 'Make room on the datastore, or lower limits.minFreeGB of the provider: until then no pass begins',
    find: ({ plan, vm, room }) =>
      when(
        hasSnapshots(plan) && vm.powerState === 'poweredOn' && room !== undefined && room.freeBytes < room.needBytes,
        'disks',
        room ? tellRoom(room) : '',
      ),
  },
  {
    id: 'tools.not-running',
    category: 'warning',
    acceptable: true,
    label: 'VMware Tools do not run',
    fix: 'Start them, or shut the guest down yourself before the start, or set shutdown.then: powerOff',
    find: ({ vm }) =>
      when(vm.powerState === 'poweredOn' && !vm.toolsRunning, 'toolsRunning', 'the guest cannot be asked to shut down'),
  },
];

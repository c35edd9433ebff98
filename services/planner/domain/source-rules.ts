import { type Concern, tellRoom } from '@tranship/contracts';
import { atSnapshots, hasSnapshots, runsMeanwhile } from './rehearsal.ts';
import { targetName } from './resolve.ts';
import { type Rule, type Subject, when } from './rule.ts';

/** What a snapshot leaves out can only be copied from a VM that is off. */
const criticalAtSnapshots = (subject: Subject): Concern['category'] => (atSnapshots(subject) ? 'critical' : 'warning');
const dns = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
const has = (kind: string) => (subject: Subject) =>
  when(subject.vm.devices.includes(kind), 'devices', `the VM has a device of kind ${kind}`);

/** What a VM is, or how its plan and provider want it moved. */
export const sourceRules: readonly Rule[] = [
  {
    id: 'vm.name-invalid',
    find: ({ entry, vm }) =>
      when(!dns.test(targetName(entry, vm) ?? ''), 'name', `"${targetName(entry, vm) ?? vm.name}" is no valid name`),
  },
  {
    id: 'vm.name-changed',
    find: ({ entry, vm }) =>
      when(
        entry.targetName === undefined && targetName(entry, vm) !== vm.name,
        'name',
        `"${vm.name}" becomes "${targetName(entry, vm)}"`,
      ),
  },
  {
    id: 'vm.template',
    find: ({ vm }) => when(vm.template, 'template', 'a template cannot be powered or migrated'),
  },
  {
    id: 'vm.disconnected',
    find: ({ vm }) =>
      when(vm.connectionState !== 'connected', 'connectionState', `its connection state is ${vm.connectionState}`),
  },
  {
    id: 'vm.suspended',
    find: ({ vm }) => when(vm.powerState === 'suspended', 'powerState', 'its memory image cannot run on KVM'),
  },
  {
    id: 'disk.none',
    find: ({ vm }) => when(vm.disks.length === 0, 'disks', 'there is nothing to copy'),
  },
  {
    id: 'disk.rdm',
    category: criticalAtSnapshots,
    find: ({ vm }) =>
      vm.disks
        .filter(({ rdm }) => rdm === 'virtual')
        .map((d) => ({ path: `disks[${d.key}].rdm`, why: `${d.label} is a virtual RDM: all of its LUN is copied` })),
  },
  {
    id: 'disk.rdm-physical',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.backing === 'rdm' && d.rdm !== 'virtual')
        .map((d) => ({
          path: `disks[${d.key}].rdm`,
          why: `${d.label} is a physical RDM: VMware’s disk library reads disks by snapshots, and it can have none`,
        })),
  },
  {
    id: 'disk.unsupported',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.backing === 'other')
        .map((d) => ({ path: `disks[${d.key}].backing`, why: `${d.label} is no file-backed disk` })),
  },
  {
    id: 'disk.shared',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.shared)
        .map((d) => ({ path: `disks[${d.key}].sharing`, why: `${d.label} may be written by another VM` })),
  },
  {
    id: 'disk.independent',
    category: criticalAtSnapshots,
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.mode.startsWith('independent'))
        .map((d) => ({ path: `disks[${d.key}].mode`, why: `${d.label} is left out of snapshots` })),
  },
  {
    id: 'disk.empty',
    find: ({ vm }) =>
      vm.disks
        .filter((d) => d.capacityBytes === 0)
        .map((d) => ({ path: `disks[${d.key}].capacityBytes`, why: `${d.label} holds 0 bytes` })),
  },
  {
    id: 'cbt.unsupported',
    find: (subject) =>
      when(
        runsMeanwhile(subject) && subject.vm.changeTrackingSupported === false,
        'changeTrackingSupported',
        'vSphere cannot tell what changed on its disks between two passes',
      ),
  },
  {
    id: 'transfer.nfc-warm',
    find: (subject) =>
      when(
        subject.method === 'nfc' && atSnapshots(subject),
        'transfer.method',
        'an export (nfc) gives whole disks: what changed between two passes cannot be read',
      ),
  },
  {
    id: 'transfer.nfc-full',
    find: ({ plan, method }) =>
      when(
        plan.spec.defaults.proof === 'full' && method === 'nfc',
        'transfer.method',
        'a full proof reads the source twice, and an export (nfc) gives it once',
      ),
  },
  {
    id: 'pci.passthrough',
    find: has('pci'),
  },
  {
    id: 'nic.sriov',
    find: has('sriov'),
  },
  {
    id: 'gpu.present',
    find: has('vgpu'),
  },
  {
    id: 'tpm.present',
    find: has('tpm'),
  },
  {
    id: 'usb.controller',
    find: has('usb'),
  },
  {
    id: 'nvdimm.present',
    find: has('nvdimm'),
  },
  {
    id: 'vm.secure-boot',
    find: ({ vm }) => when(vm.secureBoot, 'firmware', 'the target starts it without Secure Boot'),
  },
  {
    id: 'vm.snapshots',
    find: ({ vm }) => when(vm.snapshots > 0, 'snapshots', `${vm.snapshots} snapshot(s) do not move`),
  },
  {
    id: 'snapshot.space',
    find: ({ plan, vm, room }) =>
      when(
        hasSnapshots(plan) && vm.powerState === 'poweredOn' && room !== undefined && room.freeBytes < room.needBytes,
        'disks',
        room ? tellRoom(room) : '',
      ),
  },
  {
    id: 'tools.not-running',
    find: ({ vm }) =>
      when(vm.powerState === 'poweredOn' && !vm.toolsRunning, 'toolsRunning', 'the guest cannot be asked to shut down'),
  },
];

import { expect, test } from 'vitest';
import { disk, nic, targetVm } from '../testing/fixtures.ts';
import { marks, startedAt } from './names.ts';
import { virtualMachine } from './virtual-machine.ts';

const ours = marks({ migration: 'shop-1', vm: 'vm-7' });
const made = (more: Parameters<typeof targetVm>[0] = {}) => virtualMachine(targetVm(more), ours);
const spec = (more?: Parameters<typeof targetVm>[0]) => made(more).spec.template.spec;

test('virtual machine - it is made halted, without the mark of a start, whatever the plan wants later', () => {
  const { spec: halted, metadata } = made({ runStrategy: 'Always' });
  expect(halted.runStrategy).toBe('Halted');
  expect(metadata.annotations).not.toHaveProperty(startedAt);
});

test('virtual machine - the plan’s labels are on VM and guest, ours on the VM alone and never overruled', () => {
  const { metadata, spec } = made({ labels: { team: 'shop', 'tranship.dev/vm': 'other' }, annotations: { note: 'x' } });
  expect(metadata).toMatchObject({ name: 'web', namespace: 'apps', annotations: { note: 'x' } });
  expect(metadata.labels).toEqual({ team: 'shop', ...ours });
  expect(spec.template.metadata.labels).toMatchObject({ team: 'shop', 'kubevirt.io/domain': 'web' });
  expect(spec.template.metadata.labels).not.toHaveProperty('tranship.dev/migration');
});

test.each([
  [1, 1, 1],
  [8, 4, 2],
  [6, 6, 1],
])('virtual machine - %i CPUs, %i to a socket, make %i sockets', (cpus, coresPerSocket, sockets) => {
  expect(spec({ cpus, coresPerSocket }).domain.cpu).toEqual({ sockets, cores: coresPerSocket, threads: 1 });
});

test('virtual machine - memory, machine and identity are the source’s', () => {
  const uuid = '4211fd5c-0000-4000-8000-000000000001';
  const { domain, nodeSelector } = spec({ memoryMB: 1536, uuid, nodeSelector: { zone: 'a' } });
  expect(domain.memory).toEqual({ guest: '1536Mi' });
  expect(domain.machine).toEqual({ type: 'q35' });
  expect(domain.firmware).toMatchObject({ uuid });
  expect(spec().domain.firmware).not.toHaveProperty('uuid');
  expect(nodeSelector).toEqual({ zone: 'a' });
});

test('virtual machine - firmware is BIOS or UEFI as on the source; UEFI without secure boot', () => {
  expect(spec({ firmware: 'bios' }).domain.firmware.bootloader).toEqual({ bios: {} });
  expect(spec({ firmware: 'efi' }).domain.firmware.bootloader).toEqual({ efi: { secureBoot: false } });
});

test('virtual machine - a Windows is given what it likes of a hypervisor, and no other is', () => {
  const { domain } = spec({ windows: true });
  expect(domain.features).toMatchObject({ hyperv: { relaxed: {}, spinlocks: { spinlocks: 8191 }, synictimer: {} } });
  expect(domain.clock).toMatchObject({ timer: { hpet: { present: false }, hyperv: {} } });
  expect(domain.devices.inputs).toMatchObject([{ type: 'tablet' }]);
  expect(spec().domain.features).toEqual({ acpi: {} });
  expect(spec().domain).not.toHaveProperty('clock');
  expect(spec().domain.devices).not.toHaveProperty('inputs');
});

test('virtual machine - disks keep their order, bus and claim; the first boots', () => {
  const { domain, volumes } = spec({ disks: [disk(0), disk(1, { bus: 'sata' }), disk(2, { bus: 'scsi' })] });
  expect(domain.devices.disks).toEqual([
    { name: 'disk-0', disk: { bus: 'virtio' }, bootOrder: 1 },
    { name: 'disk-1', disk: { bus: 'sata' }, bootOrder: 2 },
    { name: 'disk-2', disk: { bus: 'scsi' }, bootOrder: 3 },
  ]);
  expect(volumes).toEqual(
    [0, 1, 2].map((i) => ({ name: `disk-${i}`, persistentVolumeClaim: { claimName: `web-disk-${i}` } })),
  );
});

test('virtual machine - sealed, each NIC begins with its link down; else no NIC has a state', () => {
  const states = (sealed: boolean) =>
    spec({ sealed, nics: [nic()] }).domain.devices.interfaces.map((each) => ({ ...each, name: '' }));
  expect(states(true)).toMatchObject([{ state: 'down' }]);
  expect(states(false)[0]).not.toHaveProperty('state');
});

test('virtual machine - NICs keep their order and MAC; the pod’s network by masquerade, others by bridge', () => {
  const second = nic({ mac: '00:50:56:aa:bb:02', model: 'e1000e', network: { type: 'multus', name: 'nets/vlan21' } });
  const { domain, networks } = spec({ nics: [nic(), second] });
  expect(domain.devices.interfaces).toEqual([
    { name: 'nic-0', model: 'virtio', macAddress: '00:50:56:aa:bb:01', masquerade: {} },
    { name: 'nic-1', model: 'e1000e', macAddress: '00:50:56:aa:bb:02', bridge: {} },
  ]);
  expect(networks).toEqual([
    { name: 'nic-0', pod: {} },
    { name: 'nic-1', multus: { networkName: 'nets/vlan21' } },
  ]);
});

import { expect, test } from 'vitest';
import { deviceKinds, disksOf, nicsOf } from './devices.ts';
import type { Vim } from './vim.ts';

const names = {
  network: (id: string) => ({ 'network-7': 'VM Network' })[id],
  portgroup: (key: string) => (key === 'dvportgroup-9' ? { id: 'dvportgroup-9', name: 'vlan21' } : undefined),
  datastore: (id: string) => ({ 'datastore-1': 'fast-ds' })[id],
};
/** Numbers come as text: the members of a device have no type on the wire. */
const controller = ($type: string, key: number, busNumber = 0, more: Vim = {}): Vim => ({
  $type,
  key: `${key}`,
  busNumber: `${busNumber}`,
  ...more,
});
const disk = (key: number, controllerKey: number, unitNumber: number, more: Vim = {}): Vim => ({
  $type: 'VirtualDisk',
  key: `${key}`,
  controllerKey: `${controllerKey}`,
  unitNumber: `${unitNumber}`,
  deviceInfo: { label: `Hard disk ${key}` },
  capacityInBytes: '1073741824',
  backing: { $type: 'VirtualDiskFlatVer2BackingInfo', fileName: `[fast-ds] a/${key}.vmdk`, diskMode: 'persistent' },
  ...more,
});
const scsi = controller('ParaVirtualSCSIController', 1000, 0, { sharedBus: 'noSharing' });
const one = (more: Vim, on: Vim = scsi) => disksOf([on, disk(2000, Number(on.key), 0, more)], names)[0]!;

test('disks - none', () => {
  expect(disksOf([scsi, { $type: 'VirtualCdrom', key: '3000', controllerKey: '200' }], names)).toEqual([]);
  expect(disksOf([], names)).toEqual([]);
});

test('disks - a plain one, whole', () => {
  const datastore = { type: 'Datastore', value: 'datastore-1' };
  const backing = {
    $type: 'VirtualDiskFlatVer2BackingInfo',
    fileName: '[fast-ds] a/a.vmdk',
    diskMode: 'persistent',
    uuid: '6000',
    datastore,
  };
  expect(one({ backing })).toEqual({
    key: 2000,
    label: 'Hard disk 2000',
    capacityBytes: 1073741824,
    file: '[fast-ds] a/a.vmdk',
    datastore: { id: 'datastore-1', name: 'fast-ds' },
    controller: 'pvscsi',
    bus: 0,
    unit: 0,
    backing: 'flat',
    mode: 'persistent',
    shared: false,
    uuid: '6000',
  });
});

test('disks - one of an old host has kilobytes alone; one without label, unit and controller is still told', () => {
  expect(one({ capacityInBytes: undefined, capacityInKB: '1024' }).capacityBytes).toBe(1024 ** 2);
  const bare = disksOf([{ $type: 'VirtualDisk', key: '2001' }], names)[0];
  expect(bare).toMatchObject({
    key: 2001,
    label: 'disk 2001',
    capacityBytes: 0,
    file: '',
    controller: 'other',
    unit: 0,
    backing: 'other',
  });
});

test.each([
  ['VirtualDiskRawDiskMappingVer1BackingInfo', 'rdm'],
  ['VirtualDiskSeSparseBackingInfo', 'seSparse'],
  ['VirtualDiskSparseVer2BackingInfo', 'sparse'],
  ['VirtualDiskFlatVer1BackingInfo', 'flat'],
  ['VirtualDiskLocalPMemBackingInfo', 'other'],
])('disks - a backing %s is %s', ($type, backing) => {
  expect(one({ backing: { $type, fileName: 'f', diskMode: 'persistent' } }).backing).toBe(backing);
});

test('disks - a raw device mapping is virtual where it says so; one that says nothing is taken for physical', () => {
  const rdm = (compatibilityMode?: string) =>
    one({ backing: { $type: 'VirtualDiskRawDiskMappingVer1BackingInfo', compatibilityMode } }).rdm;
  expect([rdm('virtualMode'), rdm('physicalMode'), rdm()]).toEqual(['virtual', 'physical', 'physical']);
  expect(one({})).not.toHaveProperty('rdm');
});

test('disks - an independent one keeps its mode; without a mode it is persistent', () => {
  const mode = (diskMode?: string) => one({ backing: { diskMode } }).mode;
  expect([mode('independent_persistent'), mode('independent_nonpersistent'), mode()]).toEqual([
    'independent_persistent',
    'independent_nonpersistent',
    'persistent',
  ]);
});

test('disks - shared by its bus or by many writers', () => {
  const bus = (sharedBus: string) => one({}, controller('VirtualLsiLogicSASController', 1000, 0, { sharedBus })).shared;
  expect(['noSharing', 'virtualSharing', 'physicalSharing'].map(bus)).toEqual([false, true, true]);
  expect(one({ backing: { sharing: 'sharingMultiWriter' } }).shared).toBe(true);
  expect(one({ backing: { sharing: 'sharingNone' } }).shared).toBe(false);
});

test.each([
  ['ParaVirtualSCSIController', 'pvscsi'],
  ['VirtualLsiLogicController', 'lsilogic'],
  ['VirtualLsiLogicSASController', 'lsilogic-sas'],
  ['VirtualBusLogicController', 'buslogic'],
  ['VirtualAHCIController', 'ahci'],
  ['VirtualNVMEController', 'nvme'],
  ['VirtualIDEController', 'ide'],
  ['VirtualUSBXHCIController', 'other'],
])('disks - at a %s: %s', ($type, kind) => {
  expect(one({}, controller($type, 1000)).controller).toBe(kind);
});

test('disks - the order is by bus and unit, however vCenter lists them', () => {
  const second = controller('VirtualLsiLogicController', 1001, 1);
  const listed = [disk(2017, 1001, 1), disk(2001, 1000, 8), second, disk(2016, 1001, 0), scsi, disk(2000, 1000, 0)];
  expect(disksOf(listed, names).map(({ key }) => key)).toEqual([2000, 2001, 2016, 2017]);
});

test('disks - of several kinds of controllers, each with a bus 0, those of one stay together', () => {
  const [sata, ide] = [controller('VirtualAHCIController', 15000), controller('VirtualIDEController', 200)];
  const listed = [
    disk(3000, 200, 0),
    disk(16000, 15000, 0),
    disk(16001, 15000, 1),
    disk(2000, 1000, 0),
    disk(2001, 1000, 1),
  ];
  expect(disksOf([sata, ide, scsi, ...listed], names).map(({ key }) => key)).toEqual([2000, 2001, 16000, 16001, 3000]);
});

test('devices - what validation speaks of, each kind once', () => {
  const of = (...types: string[]) => deviceKinds(types.map(($type) => ({ $type })));
  expect(of('VirtualUSB', 'VirtualUSB', 'VirtualTPM', 'VirtualNVDIMM')).toEqual(['usb', 'tpm', 'nvdimm']);
  expect(
    of('VirtualSerialPort', 'VirtualParallelPort', 'VirtualFloppy', 'VirtualHdAudioCard', 'VirtualSriovEthernetCard'),
  ).toEqual(['serial', 'parallel', 'floppy', 'sound', 'sriov']);
  expect(of('VirtualVmxnet3', 'VirtualDisk', 'VirtualCdrom', 'VirtualKeyboard')).toEqual([]);
  const card = (backing: string) => ({ $type: 'VirtualPCIPassthrough', backing: { $type: backing } });
  expect(deviceKinds([card('VirtualPCIPassthroughVmiopBackingInfo')])).toEqual(['vgpu']);
  expect(deviceKinds([card('VirtualPCIPassthroughDeviceBackingInfo')])).toEqual(['pci']);
});

test('devices - USB is told of by its controllers and by what is plugged in, once', () => {
  const types = ['VirtualUSBController', 'VirtualUSBXHCIController', 'VirtualUSB'];
  expect(deviceKinds(types.map(($type) => ({ $type })))).toEqual(['usb']);
  expect(deviceKinds([{ $type: 'VirtualUSBXHCIController' }])).toEqual(['usb']);
});

const nic = (backing: Vim, more: Vim = {}): Vim => ({
  $type: 'VirtualVmxnet3',
  key: '4000',
  macAddress: '00:50:56:AA:CC:01',
  backing,
  ...more,
});
const network = (backing: Vim) => nicsOf([nic(backing)], [], names)[0]!.network;

test('nics - of a network, a port group, one that is unknown, and none', () => {
  expect(network({ network: { type: 'Network', value: 'network-7' }, deviceName: 'old name' })).toEqual({
    id: 'network-7',
    name: 'VM Network',
  });
  expect(network({ network: { type: 'Network', value: 'network-8' }, deviceName: 'gone' })).toEqual({
    id: 'network-8',
    name: 'gone',
  });
  expect(network({ deviceName: 'by name' })).toEqual({ id: 'by name', name: 'by name' });
  expect(network({ port: { portgroupKey: 'dvportgroup-9' } })).toEqual({ id: 'dvportgroup-9', name: 'vlan21' });
  expect(network({ port: { portgroupKey: 'k' } })).toEqual({ id: 'k', name: 'k' });
  expect(network({})).toBeUndefined();
});

test('nics - addresses as the guest reports them, found by MAC; link-local ones are of no use elsewhere', () => {
  const ip = (ipAddress: string, prefixLength?: string) => ({ ipAddress, prefixLength });
  const ipAddress = [ip('192.168.76.10', '24'), ip('fe80::1', '64'), ip('2001:db8::1', '64'), ip('10.0.0.1')];
  const nets = [{ macAddress: '00:50:56:aa:cc:02' }, { macAddress: '00:50:56:aa:cc:01', ipConfig: { ipAddress } }];
  const more = { connectable: { connected: 'true' }, slotInfo: { pciSlotNumber: '192' } };
  const [found] = nicsOf([nic({}, more)], nets, names);
  expect(found).toEqual({
    key: 4000,
    label: 'NIC 4000',
    mac: '00:50:56:aa:cc:01',
    type: 'vmxnet3',
    connected: true,
    slot: 192,
    addresses: ['192.168.76.10/24', '2001:db8::1/64', '10.0.0.1'],
  });
  expect(nicsOf([nic({})], [], names)[0]).toMatchObject({ connected: false, addresses: [] });
});

import type { World, WorldVm } from './schema.ts';

const gib = 1024 ** 3;
type Json = Record<string, unknown>;

/** The world as `lab vcsim` takes it. `images`: for each VM the files that its disks begin with. */
export function vcsimWorld(world: World, images: ReadonlyMap<string, readonly string[]>): Json {
  const { vcenter, overlays, vms, fleet } = world.spec;
  const store = vcenter.datastores[0]!.name;
  return {
    ...vcenter,
    overlays,
    vms: vms.map((vm) => ({
      name: vm.name,
      folder: vm.folder,
      ...(vm.host === undefined ? {} : { host: vm.host }),
      datastore: store,
      snapshots: vm.snapshots,
      images: images.get(vm.name) ?? [],
      // A guest is powered on by the lab when all is ready; the rest simply are on.
      ...(vm.power === 'on' && vm.guest === undefined ? { power: 'poweredOn' } : {}),
      spec: spec(vm, store),
      overlay: overlay(vm),
    })),
    ...(fleet ? { fleet } : {}),
  };
}

function spec(vm: WorldVm, store: string): Json {
  const own = vm.config as Json;
  const extra = (own.deviceChange as unknown[] | undefined) ?? [];
  return {
    numCPUs: vm.cpus,
    memoryMB: vm.memoryMB,
    guestId: vm.guest ? 'debian12_64Guest' : 'otherLinux64Guest',
    firmware: vm.firmware,
    ...own,
    deviceChange: [...controllers(vm), ...disks(vm, store), ...nics(vm), ...extra],
  };
}

const add = (device: Json, more: Json = {}): Json => ({
  _typeName: 'VirtualDeviceConfigSpec',
  operation: 'add',
  ...more,
  device,
});

/** BIOS guests sit on a paravirtual SCSI controller, UEFI ones on AHCI: the firmware of the lab sees no other disk. */
function controllers(vm: WorldVm): Json[] {
  if (vm.disks.length === 0) return [];
  if (vm.firmware === 'efi')
    return [add({ _typeName: 'VirtualAHCIController', key: 15000, controllerKey: 100, busNumber: 0 })];
  return [
    add({
      _typeName: 'ParaVirtualSCSIController',
      key: 1000,
      controllerKey: 100,
      busNumber: 0,
      sharedBus: 'noSharing',
    }),
  ];
}

function disks(vm: WorldVm, store: string): Json[] {
  return vm.disks.map((disk, i) =>
    add(
      {
        _typeName: 'VirtualDisk',
        key: 2000 + i,
        deviceInfo: { _typeName: 'Description', label: `Hard disk ${i + 1}`, summary: '' },
        controllerKey: vm.firmware === 'efi' ? 15000 : 1000,
        unitNumber: i < 7 ? i : i + 1,
        capacityInBytes: Math.round(disk.sizeGB * gib),
        capacityInKB: Math.round((disk.sizeGB * gib) / 1024),
        backing: {
          _typeName: 'VirtualDiskFlatVer2BackingInfo',
          fileName: `[${disk.datastore ?? store}] ${vm.name}/${vm.name}${i === 0 ? '' : `_${i}`}.vmdk`,
          diskMode: 'persistent',
          thinProvisioned: true,
        },
      },
      { fileOperation: 'create' },
    ),
  );
}

const allNics = (vm: WorldVm) => [...(vm.network ? [vm.network] : []), ...vm.networks];

function nics(vm: WorldVm): Json[] {
  return allNics(vm).map((nic, i) =>
    add({
      _typeName: 'VirtualVmxnet3',
      key: 4000 + i,
      deviceInfo: { _typeName: 'Description', label: `Network adapter ${i + 1}`, summary: nic.name },
      controllerKey: 100,
      unitNumber: 7 + i,
      addressType: 'manual',
      macAddress: nic.mac,
      backing: { _typeName: 'VirtualEthernetCardNetworkBackingInfo', deviceName: nic.name },
    }),
  );
}

/** What VMware Tools would report of a guest, over which the world's own overlay is laid. */
function overlay(vm: WorldVm): Json {
  const nicInfo = allNics(vm).flatMap((nic, i) => {
    if (nic.address === undefined) return [];
    const [ipAddress = '', prefix = '24'] = nic.address.split('/');
    return [
      {
        _typeName: 'GuestNicInfo',
        network: nic.name,
        ipAddress: [ipAddress],
        macAddress: nic.mac,
        connected: true,
        deviceConfigId: 4000 + i,
        ipConfig: {
          _typeName: 'NetIpConfigInfo',
          ipAddress: [
            { _typeName: 'NetIpConfigInfoIpAddress', ipAddress, prefixLength: Number(prefix), state: 'preferred' },
          ],
        },
      },
    ];
  });
  if (vm.guest === undefined) return vm.overlay as Json;
  const gateway = vm.network?.gateway;
  return {
    guest: {
      _typeName: 'GuestInfo',
      toolsRunningStatus: 'guestToolsNotRunning',
      toolsStatus: 'toolsOk',
      guestState: 'running',
      guestId: 'debian12_64Guest',
      guestFullName: 'Debian GNU/Linux 12 (64-bit)',
      hostName: vm.name,
      ipAddress: nicInfo[0]?.ipAddress[0] ?? '',
      net: nicInfo,
      ...(gateway === undefined
        ? {}
        : {
            ipStack: [
              {
                _typeName: 'GuestStackInfo',
                ipRouteConfig: {
                  _typeName: 'NetIpRouteConfigInfo',
                  ipRoute: [
                    {
                      _typeName: 'NetIpRouteConfigInfoIpRoute',
                      network: '0.0.0.0',
                      prefixLength: 0,
                      gateway: { _typeName: 'NetIpRouteConfigInfoGateway', ipAddress: gateway },
                    },
                  ],
                },
              },
            ],
          }),
    },
    ...vm.overlay,
  };
}

import type { Ref, SourceDisk, SourceNic } from '@tranship/contracts';
import { many, number, object, refId, text, truth, typeOf, type Vim } from './vim.ts';

/** Names of objects that devices point to. */
export interface Names {
  network(id: string): string | undefined;
  /** The port group with this key (vSphere's own key, not its id). */
  portgroup(key: string): Ref | undefined;
  datastore(id: string): string | undefined;
}

const controllers: readonly (readonly [RegExp, SourceDisk['controller']])[] = [
  [/ParaVirtualSCSI/, 'pvscsi'],
  [/LsiLogicSAS/, 'lsilogic-sas'],
  [/LsiLogic/, 'lsilogic'],
  [/BusLogic/, 'buslogic'],
  [/AHCI/, 'ahci'],
  [/NVME/i, 'nvme'],
  [/IDE/, 'ide'],
];

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^VirtualUSB/, 'usb'],
  [/^VirtualPCIPassthrough/, 'pci'],
  [/^VirtualSriovEthernetCard/, 'sriov'],
  [/^VirtualTPM/, 'tpm'],
  [/^VirtualNVDIMM/, 'nvdimm'],
  [/^VirtualSerialPort/, 'serial'],
  [/^VirtualParallelPort/, 'parallel'],
  [/^VirtualFloppy/, 'floppy'],
  [/^VirtualSoundCard|HdAudio/, 'sound'],
];

/** Whether a PCI device is a slice of a graphics card rather than a whole device. */
const isVgpu = (device: Vim) => /Vgpu|VmiopBacking/i.test(typeOf(device.backing));

export function deviceKinds(devices: readonly Vim[]): string[] {
  const found = devices.flatMap((device) => {
    const [, kind] = kinds.find(([pattern]) => pattern.test(typeOf(device))) ?? [];
    return kind === 'pci' && isVgpu(device) ? ['vgpu'] : (kind ?? []);
  });
  return [...new Set(found)];
}

/** Each family of controllers counts its buses from 0; SCSI ones of all makes count together, and come first. */
const families: readonly (readonly SourceDisk['controller'][])[] = [
  ['pvscsi', 'lsilogic-sas', 'lsilogic', 'buslogic'],
  ['ahci'],
  ['nvme'],
  ['ide'],
  ['other'],
];
const family = ({ controller }: SourceDisk): number => families.findIndex((each) => each.includes(controller));

const backings: readonly (readonly [RegExp, SourceDisk['backing']])[] = [
  [/RawDiskMapping/, 'rdm'],
  [/SeSparse/, 'seSparse'],
  [/FlatVer[12]/, 'flat'],
  [/SparseVer[12]/, 'sparse'],
];

export function disksOf(devices: readonly Vim[], names: Names): SourceDisk[] {
  const byKey = new Map(devices.map((device) => [number(device.key), device]));
  return devices
    .filter((device) => typeOf(device) === 'VirtualDisk')
    .map((device): SourceDisk => {
      const backing = object(device.backing) ?? {};
      const controller = byKey.get(number(device.controllerKey)) ?? {};
      const datastore = refId(backing.datastore);
      const uuid = text(backing.uuid);
      const kind = backings.find(([pattern]) => pattern.test(typeOf(backing)))?.[1] ?? 'other';
      return {
        key: number(device.key) ?? 0,
        label: text(object(device.deviceInfo)?.label) ?? `disk ${number(device.key)}`,
        capacityBytes: number(device.capacityInBytes) ?? (number(device.capacityInKB) ?? 0) * 1024,
        file: text(backing.fileName) ?? '',
        ...(datastore === undefined
          ? {}
          : { datastore: { id: datastore, name: names.datastore(datastore) ?? datastore } }),
        controller: controllers.find(([pattern]) => pattern.test(typeOf(controller)))?.[1] ?? 'other',
        bus: number(controller.busNumber) ?? 0,
        unit: number(device.unitNumber) ?? 0,
        backing: kind,
        ...(kind === 'rdm' ? { rdm: backing.compatibilityMode === 'virtualMode' ? 'virtual' : 'physical' } : {}),
        mode: text(backing.diskMode) ?? 'persistent',
        shared:
          /Sharing$/.test(text(controller.sharedBus) ?? '') && controller.sharedBus !== 'noSharing'
            ? true
            : backing.sharing === 'sharingMultiWriter',
        ...(uuid === undefined ? {} : { uuid }),
      };
    })
    .sort((a, b) => family(a) - family(b) || a.bus - b.bus || a.unit - b.unit || a.key - b.key);
}

const isNic = (device: Vim) => device.macAddress !== undefined;

export function nicsOf(devices: readonly Vim[], guestNets: readonly Vim[], names: Names): SourceNic[] {
  return devices.filter(isNic).map((device): SourceNic => {
    const mac = text(device.macAddress) ?? '';
    const network = networkOf(object(device.backing) ?? {}, names);
    const slot = number(object(device.slotInfo)?.pciSlotNumber);
    const reported = guestNets.find((net) => text(net.macAddress)?.toLowerCase() === mac.toLowerCase());
    return {
      key: number(device.key) ?? 0,
      label: text(object(device.deviceInfo)?.label) ?? `NIC ${number(device.key)}`,
      mac: mac.toLowerCase(),
      type: typeOf(device)
        .replace(/^Virtual/, '')
        .toLowerCase(),
      ...(network ? { network } : {}),
      connected: truth(object(device.connectable)?.connected),
      ...(slot === undefined ? {} : { slot }),
      addresses: reported ? addressesOf(reported) : [],
    };
  });
}

function networkOf(backing: Vim, names: Names): Ref | undefined {
  const key = text(object(backing.port)?.portgroupKey);
  if (key !== undefined) return names.portgroup(key) ?? { id: key, name: key };
  const id = refId(backing.network);
  const name = text(backing.deviceName);
  if (id !== undefined) return { id, name: names.network(id) ?? name ?? id };
  return name === undefined ? undefined : { id: name, name };
}

function addressesOf(net: Vim): string[] {
  return many(object(net.ipConfig)?.ipAddress).flatMap((each) => {
    const address = text(each.ipAddress);
    const prefix = number(each.prefixLength);
    return address === undefined || /^fe80:/i.test(address)
      ? []
      : [prefix === undefined ? address : `${address}/${prefix}`];
  });
}

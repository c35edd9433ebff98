import type { Change } from '../../changes.ts';
import { concern, refuse } from '../../part.ts';
import { controlSets, type WindowsFacts, type WindowsPart, winPath, winPaths } from '../facts.ts';
import { bootable } from '../media.ts';
import { binary, dword, expand, type KeyEdit, multi, sz } from '../registry.ts';

const scsiClass = '{4D36E97B-E325-11CE-BFC1-08002BE10318}';
/** The devices of virtio, as old machines and as new ones show them. */
const devices = {
  viostor: ['VEN_1AF4&DEV_1001&REV_00', 'VEN_1AF4&DEV_1042&REV_01'],
  vioscsi: ['VEN_1AF4&DEV_1004&REV_00', 'VEN_1AF4&DEV_1048&REV_01'],
} as const;
const current = 'Microsoft\\Windows\\CurrentVersion';

/** Drivers for KVM's devices: the two of disks so that Windows boots from either, all of them where Windows looks for new devices. */
export function driversRule(facts: WindowsFacts): WindowsPart {
  const { media, place } = facts;
  if (media.vitalAbsent.length > 0)
    return {
      refusals: [
        refuse(
          'guest.drivers-missing',
          `${media.vitalAbsent.join(', ')} for ${facts.windows.name} ${facts.windows.version}`,
        ),
      ],
    };
  const file = (folder: string, name: string): Change => ({
    kind: 'file',
    path: place(`${folder}/${name}`),
    content: media.drivers.get(name)!,
  });
  return {
    changes: [
      ...[...media.drivers.keys()].map((name) => file(winPaths.drivers, name)),
      ...bootable.map((name) => file(winPaths.bootDrivers, `${name}.sys`)),
    ],
    system: bootable.flatMap((name) => bootKeys(facts, name)),
    software: devicePath(facts),
    concerns: media.absent.map((name) =>
      concern('guest.driver', `${name}: the media folder has none for ${facts.windows.name}`),
    ),
  };
}

/** What makes a driver one that Windows may boot from, before it has ever seen its device. */
function bootKeys(facts: WindowsFacts, name: keyof typeof devices): KeyEdit[] {
  const sets = controlSets(facts);
  const service = {
    Type: dword(1),
    Start: dword(0),
    Group: sz('SCSI miniport'),
    ErrorControl: dword(1),
    ImagePath: expand(`system32\\drivers\\${name}.sys`),
  };
  return [
    ...sets.map((set) => ({ key: `${set}\\Services\\${name}`, values: service })),
    // Windows writes it for a driver whose device it did not find, and starts by it.
    ...sets
      .map((set) => `${set}\\Services\\${name}\\StartOverride`)
      .filter((key) => facts.system.has(key))
      .map((key) => ({ key, values: { '0': dword(0) } })),
    ...(facts.system.has('DriverDatabase')
      ? databaseKeys(name)
      : sets.flatMap((set) =>
          devices[name].map((id) => ({
            key: `${set}\\Control\\CriticalDeviceDatabase\\PCI#${id}`,
            values: { Service: sz(name), ClassGUID: sz(scsiClass) },
          })),
        )),
  ];
}

/** The database of drivers since Windows 8: an entry as if a driver's .inf had been installed. */
function databaseKeys(name: keyof typeof devices): KeyEdit[] {
  const inf = `tranship-${name}.inf`;
  const label = `${inf}_amd64_0000000000000000`;
  const configuration = 'tranship_conf';
  const packages = `DriverDatabase\\DriverPackages\\${label}`;
  // Its class, with no date and no version: any driver of Red Hat's is newer.
  const version = binary(
    Buffer.from('00ff090000000000', 'hex'),
    Buffer.from('7be9364d25e3ce11bfc108002be10318', 'hex'),
    Buffer.alloc(24),
  );
  return [
    {
      key: `DriverDatabase\\DriverInfFiles\\${inf}`,
      values: { '': multi(label), Active: sz(label), Configurations: multi(configuration) },
    },
    { key: packages, values: { Version: version } },
    { key: `${packages}\\Configurations\\${configuration}`, values: { ConfigFlags: dword(0), Service: sz(name) } },
    ...devices[name].flatMap((id) => [
      { key: `DriverDatabase\\DeviceIds\\PCI\\${id}`, values: { [inf]: binary(Buffer.from('01ff0000', 'hex')) } },
      { key: `${packages}\\Descriptors\\PCI\\${id}`, values: { Configuration: sz(configuration) } },
    ]),
  ];
}

function devicePath({ software }: WindowsFacts): KeyEdit[] {
  const own = winPath(winPaths.drivers);
  const now = String(software.value(current, 'DevicePath') ?? '%SystemRoot%\\inf');
  const parts = now.split(';').filter((part) => part !== '');
  if (parts.some((part) => part.toLowerCase() === own.toLowerCase())) return [];
  return [{ key: current, values: { DevicePath: expand([...parts, own].join(';')) } }];
}

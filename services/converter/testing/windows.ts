import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NtfsFs } from '../adapters/ntfs-fs.ts';
import { binary, dword, expand, type KeyEdit, multi, sz } from '../domain/windows/registry.ts';
import type { PlacedTarget } from '../ports.ts';
import { hiveWith } from './hives.ts';
import { folderOf, partitioned, writeAt } from './image.ts';

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };

export const adapter = {
  id: '{11111111-2222-3333-4444-5555555555AA}',
  mac: '00:50:56:aa:00:01',
  addresses: ['10.0.0.5/24', '10.0.0.6/24', '2001:db8::5'],
} as const;
export const product = '{AAAAAAAA-0000-0000-0000-00000000000F}';
const set = 'ControlSet001';
const netClass = '{4d36e972-e325-11ce-bfc1-08002be10318}';
const store = `${set}\\Control\\Nsi\\{eb004a01-9b1a-11d4-9123-0050047759bc}\\10`;
export const mounted = { '\\DosDevices\\C:': binary(Buffer.from('0df0ed5e0000100000000000', 'hex')) };

/** SYSTEM of a server on VMware: one NIC with static addresses of both families, VMware's services, and a disk's letter. */
export const systemKeys: readonly KeyEdit[] = [
  { key: 'Select', values: { Current: dword(1), Default: dword(1), Failed: dword(0), LastKnownGood: dword(1) } },
  { key: 'MountedDevices', values: mounted },
  ...['DriverInfFiles', 'DriverPackages', 'DeviceIds\\PCI'].map((key) => ({
    key: `DriverDatabase\\${key}`,
    values: {},
  })),
  { key: `${set}\\Services\\Tcpip\\Parameters`, values: { Hostname: sz('winguest') } },
  {
    key: `${set}\\Services\\Tcpip\\Parameters\\Interfaces\\${adapter.id}`,
    values: {
      EnableDHCP: dword(0),
      IPAddress: multi('10.0.0.5', '10.0.0.6'),
      SubnetMask: multi('255.255.255.0', '255.255.255.0'),
      DefaultGateway: multi('10.0.0.1'),
      NameServer: sz('10.0.0.2,10.0.0.3'),
    },
  },
  { key: store, values: { '000000090000060020010db8000000000000000000000005': binary(Buffer.alloc(28, 1)) } },
  {
    key: `${set}\\Control\\Class\\${netClass}\\0001`,
    values: {
      NetCfgInstanceId: sz(adapter.id),
      ComponentId: sz('pci\\ven_15ad&dev_07b0'),
      NetLuidIndex: dword(9),
      '*IfType': dword(6),
    },
  },
  {
    key: `${set}\\Control\\NetworkSetup2\\Interfaces\\${adapter.id}\\Kernel`,
    values: { PermanentAddress: binary(Buffer.from('005056aa0001', 'hex')) },
  },
  { key: `${set}\\Control\\Network\\${netClass}\\${adapter.id}\\Connection`, values: { Name: sz('Ethernet0') } },
  { key: `${set}\\Control\\TimeZoneInformation`, values: { TimeZoneKeyName: sz('W. Europe Standard Time') } },
  { key: `${set}\\Services\\Dhcp`, values: { Start: dword(4) } },
  { key: `${set}\\Services\\VMTools`, values: { Start: dword(2), Type: dword(0x10) } },
  { key: `${set}\\Services\\partmgr\\Parameters`, values: { SanPolicy: dword(2) } },
];

export const softwareKeys = (more: KeyEdit['values'] = {}): readonly KeyEdit[] => [
  {
    key: 'Microsoft\\Windows NT\\CurrentVersion',
    values: {
      ProductName: sz('Windows Server 2022 Standard'),
      CurrentBuildNumber: sz('20348'),
      CurrentMajorVersionNumber: dword(10),
      CurrentMinorVersionNumber: dword(0),
      InstallationType: sz('Server'),
      BuildLabEx: sz('20348.1.amd64fre.fe_release.210507-1500'),
      ...more,
    },
  },
  { key: 'Microsoft\\Windows\\CurrentVersion', values: { DevicePath: expand('%SystemRoot%\\inf') } },
  { key: `Microsoft\\Windows\\CurrentVersion\\Uninstall\\${product}`, values: { DisplayName: sz('VMware Tools') } },
];

interface Given {
  readonly system?: readonly KeyEdit[];
  readonly software?: readonly KeyEdit[];
  /** Other files, by path. */
  readonly files?: Readonly<Record<string, Buffer>>;
  readonly sizeMiB?: number;
  /** A partition behind the first: its type by MBR, its size in MiB. */
  readonly further?: { readonly type: number; readonly size: number; readonly content: Buffer };
}

/** A disk with an NTFS volume at its first MiB, which holds what a Windows has of those files that are looked at. */
export async function windowsDisk(file: string, work: string, given: Given = {}): Promise<void> {
  const { sizeMiB = 60, further } = given;
  const folder = mkdtempSync(join(work, 'windows-'));
  const volume = join(folder, 'volume');
  writeFileSync(volume, '');
  truncateSync(volume, sizeMiB * mib);
  execFileSync('mkntfs', ['-q', '-F', '-Q', '-L', 'System', '-p', '2048', '-H', '255', '-S', '63', volume], {
    env,
    timeout: 20_000,
    stdio: 'ignore',
  });
  const behind = 1 + sizeMiB;
  const parts = further ? [{ type: further.type, at: behind, size: further.size }] : [];
  partitioned(file, [{ type: 0x07, at: 1, size: sizeMiB }, ...parts], behind + (further?.size ?? 0) + 1);
  writeAt(file, readFileSync(volume), mib);
  if (further) writeAt(file, further.content, behind * mib);
  const files: Record<string, Buffer> = {
    '/Windows/System32/config/SYSTEM': hiveWith(join(folder, 'SYSTEM'), 'SYSTEM', given.system ?? systemKeys),
    '/Windows/System32/config/SOFTWARE': hiveWith(
      join(folder, 'SOFTWARE'),
      'SOFTWARE',
      given.software ?? softwareKeys(),
    ),
    '/Windows/System32/drivers/disk.sys': Buffer.from('disk'),
    '/Windows/INF/disk.inf': Buffer.from('disk'),
    ...given.files,
  };
  await fill(file, sizeMiB, folder, files);
  rmSync(folder, { recursive: true, force: true });
}

async function fill(disk: string, sizeMiB: number, folder: string, files: Readonly<Record<string, Buffer>>) {
  const local = folderOf(join(folder, 'files'), files);
  const above = (path: string): string[] => (path === '/' ? [] : [...above(dirname(path)), path]);
  const folders = [...new Set(Object.keys(files).flatMap((path) => above(dirname(path))))];
  const base = { mode: 0, uid: 0, gid: 0, attributes: new Map() };
  const targets: PlacedTarget[] = [
    ...folders.map((path) => ({ ...base, path, inner: path, what: 'folder' as const })),
    ...Object.keys(files).map((path) => ({ ...base, path, inner: path, what: { file: join(local, path) } })),
  ];
  const fs = new NtfsFs(
    { path: disk, offset: mib, length: sizeMiB * mib },
    join(folder, 'scratch'),
    AbortSignal.timeout(60_000),
  );
  await fs.write(targets, join(folder, 'log'));
}

/** A tree as on virtio-win's ISO image, of phony drivers; gives the media folder. */
export function mediaWith(folder: string, windows = '2k22', without: readonly string[] = []): string {
  const names = {
    viostor: 'viostor',
    vioscsi: 'vioscsi',
    NetKVM: 'netkvm',
    Balloon: 'balloon',
    vioserial: 'vioser',
    viorng: 'viorng',
  };
  for (const [driver, name] of Object.entries(names)) {
    if (without.includes(driver)) continue;
    const own = join(folder, 'windows', driver, windows, 'amd64');
    mkdirSync(own, { recursive: true });
    for (const end of ['inf', 'sys', 'cat', 'pdb'])
      writeFileSync(join(own, `${name}.${end}`), `${name} ${end} of ${windows}`);
  }
  const agent = join(folder, 'windows/guest-agent');
  mkdirSync(agent, { recursive: true });
  writeFileSync(join(agent, 'qemu-ga-x86_64.msi'), 'installer');
  return folder;
}

/** What an NTFS tool says of the volume that {@link windowsDisk} made. */
export function onVolume<T>(disk: string, work: string, use: (volume: string) => T, sizeMiB = 60): T {
  const volume = join(work, 'volume');
  writeFileSync(volume, readFileSync(disk).subarray(mib, (1 + sizeMiB) * mib));
  try {
    return use(volume);
  } finally {
    rmSync(volume);
  }
}

export const ntfsTools = (program: string, ...args: string[]): Buffer =>
  execFileSync(program, args, { env, timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] });

/** The least of a program for x86-64 that tells the architecture of its Windows. */
export function portableProgram(): Buffer {
  const program = Buffer.alloc(1024);
  const header = 64;
  program.write('MZ');
  program.writeUInt32LE(header, 60);
  program.write('PE\0\0', header);
  const [machine, optional, section] = [header + 4, header + 24, header + 24 + 240];
  program.writeUInt16LE(0x8664, machine);
  program.writeUInt16LE(1, machine + 2);
  program.writeUInt16LE(240, machine + 16);
  program.writeUInt16LE(0x22, machine + 18);
  program.writeUInt16LE(0x20b, optional);
  program.writeUInt32LE(16, optional + 108);
  program.write('.text', section);
  for (const [at, value] of [
    [8, 16],
    [12, 0x1000],
    [16, 512],
    [20, 512],
    [36, 0x60000020],
  ] as const)
    program.writeUInt32LE(value, section + at);
  return program;
}

import type { Read } from '../read.ts';
import { placeOf, type Volume } from '../volumes.ts';
import { Hive } from './hive.ts';
import { Ntfs } from './ntfs.ts';

/** A Windows as it was found on its volume. */
export interface Windows {
  readonly name: string;
  /** `10.0.20348` */
  readonly version: string;
  readonly arch: string;
  readonly build: number;
  readonly server: boolean;
}

export interface NtfsState {
  readonly place: string;
  readonly volume: Volume;
  readonly dirty: boolean;
  /** Its memory lies in a file, or fast start-up left it half asleep. */
  readonly hibernated: boolean;
  readonly freeBytes?: number;
  readonly windows?: Windows;
}

const key = 'Microsoft\\Windows NT\\CurrentVersion';
const firstOfEleven = 22_000;
const maxText = 100;

/** What can be told of an NTFS volume without mounting it. */
export function ntfsState(volume: Volume, read: Read): NtfsState {
  const ntfs = new Ntfs(read, volume.offset);
  const software = ntfs.open('Windows/System32/config/SOFTWARE');
  const windows = software && windowsIn(new Hive(software.read));
  const sleep = ntfs.open('hiberfil.sys')?.read(0, 4).toString('latin1').toLowerCase() ?? '';
  const freeBytes = windows && ntfs.freeBytes;
  return {
    place: placeOf(volume),
    volume,
    dirty: (ntfs.dirty ?? false) || !ntfs.logClean,
    // `wake`: it woke from it since, and runs or was shut down.
    hibernated: ['hibr', 'rstr'].includes(sleep),
    ...(freeBytes === undefined ? {} : { freeBytes }),
    ...(windows ? { windows } : {}),
  };
}

function windowsIn(hive: Hive): Windows | undefined {
  // It goes into events.
  const text = (name: string) => String(hive.value(key, name) ?? '').slice(0, maxText);
  const product = text('ProductName');
  if (product === '') return undefined;
  const build = Number(text('CurrentBuildNumber'));
  const major = hive.value(key, 'CurrentMajorVersionNumber');
  const line =
    major === undefined ? text('CurrentVersion') : `${major}.${hive.value(key, 'CurrentMinorVersionNumber') ?? 0}`;
  // Windows 11 goes on calling itself 10 there.
  const name = build >= firstOfEleven ? product.replace(/^Windows 10/, 'Windows 11') : product;
  const arch = /amd64/i.test(text('BuildLabEx')) ? 'x86_64' : /arm64/i.test(text('BuildLabEx')) ? 'aarch64' : '';
  return {
    name,
    version: [line, text('CurrentBuildNumber')].filter((part) => part !== '').join('.'),
    arch,
    build: Number.isSafeInteger(build) ? build : 0,
    server: /^server/i.test(text('InstallationType')) || /server/i.test(product),
  };
}

/** From this build on, the folder of the virtio drivers has this name: newest first. */
const folders = {
  server: [
    [26_100, '2k25'],
    [20_348, '2k22'],
    [17_763, '2k19'],
    [14_393, '2k16'],
  ],
  client: [
    [firstOfEleven, 'w11'],
    [14_393, 'w10'],
  ],
} as const;

/** How the tree of the virtio drivers calls a Windows; undefined: it is older than those that are converted, or of another kind. */
export function driverFolder({ version, arch, build, server }: Windows): string | undefined {
  if (!version.startsWith('10.') || arch !== 'x86_64') return undefined;
  return folders[server ? 'server' : 'client'].find(([from]) => build >= from)?.[1];
}

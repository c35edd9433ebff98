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
}

export interface NtfsState {
  readonly place: string;
  readonly dirty: boolean;
  /** Its memory lies in a file, or fast start-up left it half asleep. */
  readonly hibernated: boolean;
  readonly windows?: Windows;
}

const key = 'Microsoft\\Windows NT\\CurrentVersion';
const firstOfEleven = 22_000;

/** What can be told of an NTFS volume without mounting it. */
export function ntfsState(volume: Volume, read: Read): NtfsState {
  const ntfs = new Ntfs(read, volume.offset);
  const software = ntfs.open('Windows/System32/config/SOFTWARE');
  const windows = software && windowsIn(new Hive(software.read));
  const sleep = ntfs.open('hiberfil.sys')?.read(0, 4).toString('latin1').toLowerCase() ?? '';
  return {
    place: placeOf(volume),
    dirty: ntfs.dirty ?? false,
    hibernated: ['hibr', 'wake', 'rstr'].includes(sleep),
    ...(windows ? { windows } : {}),
  };
}

function windowsIn(hive: Hive): Windows | undefined {
  const text = (name: string) => String(hive.value(key, name) ?? '');
  const product = text('ProductName');
  if (product === '') return undefined;
  const build = text('CurrentBuildNumber');
  const major = hive.value(key, 'CurrentMajorVersionNumber');
  const line =
    major === undefined ? text('CurrentVersion') : `${major}.${hive.value(key, 'CurrentMinorVersionNumber') ?? 0}`;
  // Windows 11 goes on calling itself 10 there.
  const name = Number(build) >= firstOfEleven ? product.replace(/^Windows 10/, 'Windows 11') : product;
  const arch = /amd64/i.test(text('BuildLabEx')) ? 'x86_64' : /arm64/i.test(text('BuildLabEx')) ? 'aarch64' : '';
  return { name, version: [line, build].filter((part) => part !== '').join('.'), arch };
}

import { volumeOf } from './devices.ts';
import type { Disk, Volume } from './volumes.ts';

/** The volume that a device's name means; and, where that is the inside of an encrypted one, the encrypted one. */
export interface Named {
  readonly volume?: Volume | undefined;
  readonly within?: Volume | undefined;
}

/** What a guest means by the names of devices, those that its crypttab makes too. */
export function deviceNames(crypttab: string, disks: readonly Disk[]): (spec: string) => Named {
  const sources = new Map(
    crypttab.split('\n').flatMap((line) => {
      const [name, spec] = line.trim().split(/\s+/);
      return name && spec && !name.startsWith('#') ? [[name, spec.replaceAll('"', '')] as const] : [];
    }),
  );
  return (spec) => {
    const within = encryptedBy(spec, sources, disks);
    return within ? { within, volume: insideOf(within, disks) } : { volume: volumeOf(spec, disks) };
  };
}

const mapped = /^\/dev\/(?:mapper\/|disk\/by-id\/dm-name-)(.+)$/;

function encryptedBy(spec: string, sources: ReadonlyMap<string, string>, disks: readonly Disk[]): Volume | undefined {
  const name = mapped.exec(spec)?.[1];
  if (name === undefined) return undefined;
  // As systemd calls what the kernel line alone tells of.
  const uuid = /^luks-(.+)$/.exec(name)?.[1];
  const source = sources.get(name) ?? (uuid === undefined ? undefined : `UUID=${uuid}`);
  const volume = source === undefined ? undefined : volumeOf(source, disks);
  return volume?.fileSystem?.kind === 'luks' ? volume : undefined;
}

const insideOf = (encrypted: Volume, disks: readonly Disk[]): Volume | undefined =>
  disks.flatMap(({ volumes }) => volumes).find(({ opened }) => opened?.of === encrypted);

/** Encrypted volumes that were not opened. */
export const closedIn = (disks: readonly Disk[]): Volume[] =>
  disks
    .flatMap(({ volumes }) => volumes)
    .filter((volume) => volume.fileSystem?.kind === 'luks' && !insideOf(volume, disks));

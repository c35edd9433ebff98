import type { Probe } from '../adapters/disks.ts';
import { Guest, type Mount } from '../adapters/guest.ts';
import { ntfsStates } from '../adapters/windows.ts';
import { closedIn, deviceNames } from '../domain/crypttab.ts';
import { type FstabEntry, parseFstab, subvolumeIn, volumeOf } from '../domain/devices.ts';
import { textOf } from '../domain/facts.ts';
import { errorOf, refuse } from '../domain/part.ts';
import { isEsp } from '../domain/partitions.ts';
import { paths } from '../domain/paths.ts';
import { judge, type Root, refusalOf, type Verdict, type WindowsRoot } from '../domain/survey.ts';
import { placeOf, type Volume } from '../domain/volumes.ts';
import type { OpenVolume } from '../ports.ts';

/** Looks for an operating system on all disks. */
export async function findRoot(probe: Probe, open: OpenVolume): Promise<Verdict> {
  const { disks, unreached } = probe;
  const roots: Root[] = [];
  const opened = new Set<Volume>();
  for (const volume of disks.flatMap((disk) => disk.volumes)) {
    if (volume.opened) opened.add(volume.opened.of);
    const fs = ['vfat', 'ntfs'].includes(volume.fileSystem?.kind ?? '') ? undefined : open(volume);
    if (!fs) continue;
    opened.add(volume);
    const text = await osReleaseOf(new Guest([{ at: '/', volume, fs }]));
    roots.push(...(text === undefined ? await rootsBelow(volume, open) : [{ volume, osRelease: text }]));
  }
  return judge(disks, unreached, roots, windowsIn(probe), opened);
}

const windowsIn = (probe: Probe): WindowsRoot[] =>
  ntfsStates(probe).flatMap(({ volume, windows, freeBytes, dirty, hibernated }) => {
    if (!windows || !volume.fileSystem) return [];
    const unclean = hibernated ? { unclean: 'hibernated' as const } : dirty ? { unclean: 'dirty' as const } : {};
    const free = freeBytes === undefined ? {} : { freeBytes };
    return [{ windows, volume: { ...volume, fileSystem: { ...volume.fileSystem, ...free, ...unclean } } }];
  });

export async function osReleaseOf(guest: Pick<Guest, 'read'>): Promise<string | undefined> {
  const found = await guest.read([paths.osRelease, paths.osReleaseOld], maxBytes);
  return (found.get(paths.osRelease) ?? found.get(paths.osReleaseOld))?.toString('utf8');
}

/** Subvolumes that hold a system and say themselves that they are its root: copies of it that were kept name the root. */
async function rootsBelow(volume: Volume, open: OpenVolume): Promise<Root[]> {
  const roots: Root[] = [];
  for (const subvolume of (await open.subvolumes?.(volume)) ?? []) {
    const guest = new Guest([{ at: '/', volume, fs: open(volume, subvolume)! }]);
    const osRelease = await osReleaseOf(guest);
    if (osRelease === undefined) continue;
    const root = (await fstabOf(guest)).find(({ mountPoint }) => mountPoint === '/');
    if (root && subvolumeIn(root) === subvolume) roots.push({ volume, subvolume, osRelease });
  }
  return roots;
}

async function fstabOf(guest: Guest): Promise<FstabEntry[]> {
  const files = await guest.read([paths.fstab], maxBytes);
  return parseFstab(textOf({ files }, paths.fstab) ?? '').filter(({ options }) => !options.includes('noauto'));
}

/** What we read and write lies below these. */
const ours = [
  '/boot/grub',
  paths.esp,
  '/efi',
  '/usr/lib/systemd',
  '/usr/sbin',
  '/etc/systemd',
  '/var/lib/dpkg',
  '/var/lib/dhcp',
];
/** Without these nothing is known of how the guest boots. */
const vital = /^\/(boot|usr|etc)(\/|$)/;
const maxBytes = 1024 ** 2;

/** The guest with the file systems that its fstab mounts. Throws `guest.…-unsupported` when one of them cannot be used. */
export async function openGuest({ volume: root, subvolume }: Root, probe: Probe, open: OpenVolume): Promise<Guest> {
  const { disks, unreached } = probe;
  const first: Mount = { at: '/', volume: root, fs: open(root, subvolume)! };
  const bare = new Guest([first]);
  const entries = await fstabOf(bare);
  const files = await bare.read([paths.crypttab], maxBytes);
  const named = deviceNames(textOf({ files }, paths.crypttab) ?? '', disks);
  const stated = entries.find(({ mountPoint }) => mountPoint === '/');
  if (stated) {
    const { volume } = named(stated.spec);
    // A member of a mirror looks like the file system itself: to change one alone would part them.
    if (volume && volume !== root)
      throw errorOf(
        refuse(
          'guest.device-unsupported',
          `${paths.fstab} mounts ${stated.spec} as its root, which is ${placeOf(volume)}, not ${placeOf(root)}`,
          paths.fstab,
        ),
      );
    if (!volume && !root.opened && /^\/dev\/(md|mapper|dm-)/.test(stated.spec))
      throw errorOf(refuse('guest.raid-unsupported', `its root is ${stated.spec}`, paths.fstab));
  }
  const mounts = entries.filter(
    ({ mountPoint }) => mountPoint !== '/' && ours.some((path) => `${path}/`.startsWith(`${mountPoint}/`)),
  );
  const further = mounts.flatMap((entry): Mount[] => {
    const { spec, mountPoint } = entry;
    const { volume, within } = named(spec);
    // Another subvolume of the root's own file system, where one is open at a time.
    const alone = volume === root && !open.subvolumes;
    if (alone && !vital.test(mountPoint)) return [];
    if (alone)
      throw errorOf(refuse('guest.btrfs-unsupported', `its ${mountPoint} is a subvolume of its own`, paths.fstab));
    if (!volume) {
      if (within) throw errorOf(refusalOf(within, `its ${mountPoint}`));
      const lv = unreached.find(
        ({ group, name }) => spec.endsWith(`/${group}/${name}`) || spec.endsWith(`/${group}-${name}`),
      );
      const [closed] = closedIn(disks);
      if (!lv && closed) throw errorOf(refusalOf(closed, `its ${mountPoint} is ${spec}, and may be what`));
      const detail = `its ${mountPoint} is ${spec}, ${lv ? `which is not reached: ${lv.why}` : 'which was not found on its disks'}`;
      throw errorOf(refuse(lv ? 'guest.lvm-unsupported' : 'guest.device-unsupported', detail, paths.fstab));
    }
    const fs = open(volume, subvolumeIn(entry));
    if (!fs) throw errorOf(refusalOf(volume, `its ${mountPoint}`));
    return [{ at: mountPoint, volume, fs }];
  });
  const esp = espOf(entries, probe, open).filter(({ at }) => !further.some((mount) => mount.at === at));
  return new Guest([first, ...further, ...esp]);
}

/** Windows mounts it nowhere. */
const windowsEsp = '/esp';

/** The guest with the volume of a Windows, and its partition of UEFI. */
export function openWindows({ volume }: WindowsRoot, probe: Probe, open: OpenVolume): Guest {
  const fs = open(volume);
  if (!fs) throw errorOf(refusalOf(volume, 'its Windows'));
  return new Guest([{ at: '/', volume, fs }, ...espOf([], probe, open, windowsEsp)]);
}

/** The partition of UEFI, where fstab mounts it; one that nothing mounts is looked at as if it were mounted. */
function espOf(entries: readonly FstabEntry[], { disks }: Probe, open: OpenVolume, at: string = paths.esp): Mount[] {
  const volumes = disks
    .flatMap((disk) => disk.volumes)
    .filter(({ partition, fileSystem }) => fileSystem?.kind === 'vfat' && isEsp(partition?.type));
  const [volume] = volumes;
  const fs = volume && volumes.length === 1 ? open(volume) : undefined;
  if (!volume || !fs) return [];
  const stated = entries.find(({ spec }) => volumeOf(spec, disks) === volume);
  return [{ at: stated?.mountPoint ?? at, volume, fs }];
}

import type { Probe } from './adapters/disks.ts';
import { ExtFs } from './adapters/ext-fs.ts';
import { Guest, type Mount } from './adapters/guest.ts';
import { MountFs } from './adapters/mount-fs.ts';
import { NtfsFs } from './adapters/ntfs-fs.ts';
import { VfatFs } from './adapters/vfat-fs.ts';
import { ntfsStates } from './adapters/windows.ts';
import { type FstabEntry, parseFstab, volumeOf } from './domain/devices.ts';
import { errorOf, refuse } from './domain/part.ts';
import { espType } from './domain/partitions.ts';
import { paths } from './domain/paths.ts';
import { judge, type Root, refusalOf, type Verdict, type WindowsRoot } from './domain/survey.ts';
import { placeOf, type Volume } from './domain/volumes.ts';
import type { WritableFs } from './ports.ts';

/** Opens the file system of a volume; undefined: no engine here reaches it. */
export type OpenVolume = (volume: Volume) => WritableFs | undefined;

/** How this run may reach file systems. */
export interface Reach {
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Whether the node's kernel may mount what no tool here writes. */
  readonly mountEngine?: boolean;
}

/** What the kernel is let mount: each kind has a test. */
const mountable: readonly string[] = ['xfs'];

/** Opens volumes for `use`, each once, and lets go of them all after it. */
export async function withOpener<T>(
  { disks }: Probe,
  { scratch, signal, mountEngine = false }: Reach,
  use: (open: OpenVolume) => Promise<T>,
): Promise<T> {
  const mounted = new Map<Volume, MountFs>();
  const open: OpenVolume = (volume) => {
    const { disk, offset, length, fileSystem } = volume;
    const place = { path: disks.find(({ index }) => index === disk)!.path, offset };
    if (fileSystem?.kind === 'ext') return new ExtFs(place, scratch, signal);
    if (fileSystem?.kind === 'vfat') return new VfatFs(place, length, scratch, signal);
    if (fileSystem?.kind === 'ntfs') return new NtfsFs(place, length, scratch, signal);
    if (!mountEngine || !fileSystem || !mountable.includes(fileSystem.kind)) return undefined;
    const fs = mounted.get(volume) ?? new MountFs({ ...place, length }, fileSystem.kind, scratch, signal);
    mounted.set(volume, fs);
    return fs;
  };
  try {
    return await use(open);
  } finally {
    for (const fs of mounted.values()) await fs.close();
  }
}

/** Looks for an operating system on all disks. */
export async function findRoot(probe: Probe, open: OpenVolume): Promise<Verdict> {
  const { disks, unreached } = probe;
  const roots: Root[] = [];
  for (const volume of disks.flatMap((disk) => disk.volumes)) {
    const fs = ['vfat', 'ntfs'].includes(volume.fileSystem?.kind ?? '') ? undefined : open(volume);
    if (!fs) continue;
    const text = await osReleaseOf(new Guest([{ at: '/', volume, fs }]));
    if (text !== undefined) roots.push({ volume, osRelease: text });
  }
  return judge(disks, unreached, roots, windowsIn(probe));
}

const windowsIn = (probe: Probe): WindowsRoot[] =>
  ntfsStates(probe).flatMap(({ volume, windows, freeBytes, dirty, hibernated }) => {
    if (!windows || !volume.fileSystem) return [];
    const unclean = hibernated ? { unclean: 'hibernated' as const } : dirty ? { unclean: 'dirty' as const } : {};
    const free = freeBytes === undefined ? {} : { freeBytes };
    return [{ windows, volume: { ...volume, fileSystem: { ...volume.fileSystem, ...free, ...unclean } } }];
  });

export async function osReleaseOf(guest: Pick<Guest, 'readPlain'>): Promise<string | undefined> {
  const found = await guest.readPlain([paths.osRelease, paths.osReleaseOld], maxBytes);
  return (found.get(paths.osRelease) ?? found.get(paths.osReleaseOld))?.toString('utf8');
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
const maxBytes = 1024 ** 2;

/** The guest with the file systems that its fstab mounts. Throws `guest.…-unsupported` when one of them cannot be used. */
export async function openGuest(root: Volume, probe: Probe, open: OpenVolume): Promise<Guest> {
  const { disks, unreached } = probe;
  const first: Mount = { at: '/', volume: root, fs: open(root)! };
  const read = await new Guest([first]).readPlain([paths.fstab], maxBytes);
  const entries = parseFstab(read.get(paths.fstab)?.toString('utf8') ?? '').filter(
    ({ options }) => !options.includes('noauto'),
  );
  const stated = entries.find(({ mountPoint }) => mountPoint === '/');
  if (stated) {
    const volume = volumeOf(stated.spec, disks);
    // A member of a mirror looks like the file system itself: to change one alone would part them.
    if (volume && volume !== root)
      throw errorOf(
        refuse(
          'guest.device-unsupported',
          `${paths.fstab} mounts ${stated.spec} as its root, which is ${placeOf(volume)}, not ${placeOf(root)}`,
          paths.fstab,
        ),
      );
    if (!volume && /^\/dev\/(md|mapper|dm-)/.test(stated.spec))
      throw errorOf(refuse('guest.raid-unsupported', `its root is ${stated.spec}`, paths.fstab));
  }
  const mounts = entries.filter(
    ({ mountPoint }) => mountPoint !== '/' && ours.some((path) => `${path}/`.startsWith(`${mountPoint}/`)),
  );
  const further = mounts.map(({ spec, mountPoint }): Mount => {
    const volume = volumeOf(spec, disks);
    if (!volume) {
      const lv = unreached.find(
        ({ group, name }) => spec.endsWith(`/${group}/${name}`) || spec.endsWith(`/${group}-${name}`),
      );
      const detail = `its ${mountPoint} is ${spec}, ${lv ? `which is not reached: ${lv.why}` : 'which was not found on its disks'}`;
      throw errorOf(refuse(lv ? 'guest.lvm-unsupported' : 'guest.device-unsupported', detail, paths.fstab));
    }
    const fs = open(volume);
    if (!fs) throw errorOf(refusalOf(volume, `its ${mountPoint}`));
    return { at: mountPoint, volume, fs };
  });
  return new Guest([first, ...further, ...espOf(entries, probe, open)]);
}

/** Windows mounts it nowhere. */
const windowsEsp = '/esp';

/** The guest with the volume of a Windows, and its partition of UEFI. */
export const openWindows = ({ volume }: WindowsRoot, probe: Probe, open: OpenVolume): Guest =>
  new Guest([{ at: '/', volume, fs: open(volume)! }, ...espOf([], probe, open, windowsEsp)]);

/** The partition of UEFI, where fstab mounts it; one that nothing mounts is looked at as if it were mounted. */
function espOf(entries: readonly FstabEntry[], { disks }: Probe, open: OpenVolume, at: string = paths.esp): Mount[] {
  const volumes = disks
    .flatMap((disk) => disk.volumes)
    .filter(({ partition, fileSystem }) => fileSystem?.kind === 'vfat' && isEsp(partition?.type));
  const [volume] = volumes;
  const fs = volume && volumes.length === 1 ? open(volume) : undefined;
  if (!volume || !fs) return [];
  const stated = entries.find(({ spec, mountPoint }) => mountPoint !== '/boot' && volumeOf(spec, disks) === volume);
  return [{ at: stated?.mountPoint ?? at, volume, fs }];
}

const isEsp = (type: string | undefined) => type === espType || type === 'ef';

import { TranshipError } from '@tranship/contracts';
import type { OpenDisk } from './adapters/disks.ts';
import { ExtFs } from './adapters/ext-fs.ts';
import { Guest, type Mount } from './adapters/guest.ts';
import { parseFstab, volumeOf } from './domain/devices.ts';
import { paths } from './domain/paths.ts';
import { judge, type Root, type Verdict } from './domain/survey.ts';
import { placeOf, type Volume } from './domain/volumes.ts';

/** Opens the file system of a volume. */
export type OpenVolume = (volume: Volume) => ExtFs;

export const volumeOpener =
  (disks: readonly OpenDisk[], scratch: string, signal: AbortSignal): OpenVolume =>
  ({ disk, offset }) =>
    new ExtFs({ path: disks.find(({ index }) => index === disk)!.path, offset }, scratch, signal);

/** Looks for an operating system on all disks. */
export async function findRoot(disks: readonly OpenDisk[], open: OpenVolume): Promise<Verdict> {
  const roots: Root[] = [];
  for (const volume of disks.flatMap((disk) => disk.volumes)) {
    if (volume.fileSystem?.kind !== 'ext') continue;
    const guest = new Guest([{ at: '/', volume, fs: open(volume) }]);
    const found = await guest.readPlain([paths.osRelease, paths.osReleaseOld], maxBytes);
    const text = found.get(paths.osRelease) ?? found.get(paths.osReleaseOld);
    if (text) roots.push({ volume, osRelease: text.toString('utf8') });
  }
  return judge(disks, roots);
}

/** What we read and write lies below these. */
const ours = ['/boot/grub', '/usr/lib/systemd', '/usr/sbin', '/etc/systemd', '/var/lib/dpkg', '/var/lib/dhcp'];
const maxBytes = 1024 ** 2;

/** The guest with the file systems that its fstab mounts. Throws `guest.unsupported` when one of them cannot be used. */
export async function openGuest(root: Volume, disks: readonly OpenDisk[], open: OpenVolume): Promise<Guest> {
  const first: Mount = { at: '/', volume: root, fs: open(root) };
  const read = await new Guest([first]).readPlain([paths.fstab], maxBytes);
  const entries = parseFstab(read.get(paths.fstab)?.toString('utf8') ?? '').filter(
    ({ options }) => !options.includes('noauto'),
  );
  const stated = entries.find(({ mountPoint }) => mountPoint === '/');
  if (stated) {
    const volume = volumeOf(stated.spec, disks);
    // A member of a mirror looks like the file system itself: to change one alone would part them.
    if (volume && volume !== root)
      throw unsupported(
        `${paths.fstab} mounts ${stated.spec} as its root, which is ${placeOf(volume)}, not ${placeOf(root)}`,
      );
    if (!volume && /^\/dev\/(md|mapper|dm-)/.test(stated.spec)) throw unsupported(`its root is ${stated.spec}`);
  }
  const mounts = entries.filter(
    ({ mountPoint }) => mountPoint !== '/' && ours.some((path) => `${path}/`.startsWith(`${mountPoint}/`)),
  );
  const further = mounts.map(({ spec, mountPoint }): Mount => {
    const volume = volumeOf(spec, disks);
    if (!volume) throw unsupported(`its ${mountPoint} is ${spec}, which was not found on its disks`);
    if (volume.fileSystem?.kind !== 'ext')
      throw unsupported(`its ${mountPoint} is ${volume.fileSystem?.kind ?? 'no known file system'}`);
    return { at: mountPoint, volume, fs: open(volume) };
  });
  return new Guest([first, ...further]);
}

const unsupported = (detail: string) => new TranshipError('guest.unsupported', detail);

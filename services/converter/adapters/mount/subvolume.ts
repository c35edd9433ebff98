import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What the root of a subvolume has as its inode. */
const topInode = 256;
const words = ['usr/lib/os-release', 'etc/os-release'];

/**
 * Where the system lies in a mounted btrfs: in the subvolume that is mounted by default (SUSE), or in the one of a name of
 * its own below it (`@`, `@rootfs`, `root`). @throws Error where several hold one, as snapshots beside the system do
 */
export function systemBelow(at: string): string {
  const holdsSystem = (folder: string) =>
    words.some((word) => lstatSync(join(folder, word), { throwIfNoEntry: false }) !== undefined);
  if (holdsSystem(at)) return at;
  const found = readdirSync(at).flatMap((name) => {
    const folder = join(at, name);
    const stat = lstatSync(folder);
    return stat.isDirectory() && stat.ino === topInode && holdsSystem(folder) ? [folder] : [];
  });
  if (found.length > 1) throw new Error(`${found.length} of its subvolumes hold a system`);
  return found[0] ?? at;
}

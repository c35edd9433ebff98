import { biosBootType, espType } from './partitions.ts';
import type { FileSystemKind } from './superblock.ts';
import { type Disk, placeOf, type Volume } from './volumes.ts';

/** A volume with the text of its os-release. */
export interface Root {
  readonly volume: Volume;
  readonly osRelease: string;
}

export type Verdict =
  | { readonly kind: 'root'; readonly root: Root }
  /** Nothing that boots: the VM holds data, or nothing at all. */
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

const what: Readonly<Partial<Record<FileSystemKind, string>>> = {
  ntfs: 'Windows (NTFS)',
  bitlocker: 'Windows (BitLocker)',
  lvm: 'a root on LVM',
  luks: 'an encrypted disk (LUKS)',
  raid: 'a root on software RAID',
  xfs: 'a root on xfs',
  btrfs: 'a root on btrfs',
};

/** Decides what there is to convert, from what was found on all disks. */
export function judge(disks: readonly Disk[], roots: readonly Root[]): Verdict {
  if (roots.length === 1) return { kind: 'root', root: roots[0]! };
  if (roots.length > 1) {
    const places = roots.map(({ volume }) => placeOf(volume)).join('; ');
    return { kind: 'unsupported', reason: `more than one operating system was found: ${places}` };
  }
  const volumes = disks.flatMap((disk) => disk.volumes).filter(({ fileSystem }) => fileSystem);
  const foreign = volumes.filter(({ fileSystem }) => what[fileSystem!.kind]);
  const bootable = disks.some(boots);
  if (foreign.length > 0 && bootable) {
    const named = foreign.map((volume) => `${what[volume.fileSystem!.kind]} on ${placeOf(volume)}`);
    return { kind: 'unsupported', reason: `${[...new Set(named)].join('; ')}: not supported` };
  }
  if (volumes.length > 0 && bootable)
    return { kind: 'unsupported', reason: 'the disks boot, but no operating system that is known was found on them' };
  return { kind: 'none', reason: 'no operating system was found' };
}

/** A BIOS or a UEFI would find something to run on it. */
const boots = ({ table }: Disk) =>
  (table.bootCode && table.partitions.length > 0) ||
  table.partitions.some(({ type, active }) => active || type === espType || type === 'ef' || type === biosBootType);

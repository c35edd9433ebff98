import type { ErrorCode } from '@tranship/contracts';
import { type Refusal, refuse } from './part.ts';
import { biosBootType, espType } from './partitions.ts';
import type { FileSystemKind } from './superblock.ts';
import { type Disk, placeOf, type Unreached, type Volume } from './volumes.ts';
import type { Windows } from './windows/windows.ts';

/** A volume with the text of its os-release. */
export interface Root {
  readonly volume: Volume;
  /** Of btrfs; absent: its default one. */
  readonly subvolume?: string;
  readonly osRelease: string;
}

/** A volume that holds a Windows. */
export interface WindowsRoot {
  readonly volume: Volume;
  readonly windows: Windows;
}

export type Verdict =
  | { readonly kind: 'root'; readonly root: Root }
  | { readonly kind: 'windows'; readonly root: WindowsRoot }
  /** Nothing that boots: the VM holds data, or nothing at all. */
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly refusal: Refusal };

const what: Readonly<Partial<Record<FileSystemKind, readonly [ErrorCode, string]>>> = {
  bitlocker: ['guest.bitlocker-unsupported', 'Windows (BitLocker)'],
  ntfs: ['guest.windows-unsupported', 'NTFS, and no Windows that is known,'],
  luks: ['guest.luks-unsupported', 'an encrypted disk (LUKS)'],
  raid: ['guest.raid-unsupported', 'a root on software RAID'],
  xfs: ['guest.xfs-unsupported', 'a root on xfs'],
  btrfs: ['guest.btrfs-unsupported', 'a root on btrfs'],
};

/** Why a volume's content is out of reach. */
export const refusalOf = (volume: Volume, as: string): Refusal => {
  const kind = volume.fileSystem?.kind ?? 'no known file system';
  return refuse(codeOf(volume), `${as} lies on ${placeOf(volume)}, which holds ${kind}${ofKeys(volume)}`);
};

/** A volume that is still closed is one that the keys did not fit. */
const codeOf = ({ closed, fileSystem }: Volume): ErrorCode =>
  closed === undefined ? ((fileSystem && what[fileSystem.kind]?.[0]) ?? 'guest.unsupported') : 'guest.luks-key';
const ofKeys = ({ closed }: Volume) => (closed === undefined ? '' : `: ${closed}`);

/** Decides what there is to convert, from what was found on all disks. `opened`: the volumes that were looked into. */
export function judge(
  disks: readonly Disk[],
  unreached: readonly Unreached[],
  roots: readonly Root[],
  windows: readonly WindowsRoot[],
  opened: ReadonlySet<Volume> = new Set(),
): Verdict {
  if (roots.length === 1 && windows.length === 0) return { kind: 'root', root: roots[0]! };
  if (windows.length === 1 && roots.length === 0) return { kind: 'windows', root: windows[0]! };
  const unsupported = (code: ErrorCode, reason: string): Verdict => ({
    kind: 'unsupported',
    refusal: refuse(code, reason),
  });
  if (roots.length + windows.length > 1) {
    const places = [...roots, ...windows].map(({ volume }) => placeOf(volume)).join('; ');
    return unsupported('guest.multi-boot-unsupported', `more than one operating system was found: ${places}`);
  }
  const volumes = disks.flatMap((disk) => disk.volumes).filter(({ fileSystem }) => fileSystem);
  const bootable = disks.some(boots);
  const foreign = (Object.keys(what) as FileSystemKind[]).flatMap((kind) =>
    volumes.filter((volume) => volume.fileSystem!.kind === kind && !opened.has(volume)),
  );
  if (foreign.length > 0 && bootable) {
    const named = foreign.map(
      (volume) => `${what[volume.fileSystem!.kind]![1]} on ${placeOf(volume)}${ofKeys(volume)}`,
    );
    return unsupported(codeOf(foreign[0]!), [...new Set(named)].join('; '));
  }
  if (unreached.length > 0 && bootable) {
    const named = unreached.map(({ group, name, why }) => `${group}/${name}: ${why}`);
    return unsupported('guest.lvm-unsupported', named.slice(0, 5).join('; '));
  }
  if (volumes.length > 0 && bootable)
    return unsupported(
      'guest.os-unsupported',
      'the disks boot, but no operating system that is known was found on them',
    );
  const cut = disks.find(({ table }) => table.beyond);
  if (cut)
    return unsupported(
      'guest.malformed',
      `a partition ends beyond disk ${cut.index}, and no operating system was found`,
    );
  return { kind: 'none', reason: 'no operating system was found' };
}

/** A BIOS or a UEFI would find something to run on it. */
const boots = ({ table }: Disk) =>
  (table.bootCode && table.partitions.length > 0) ||
  table.partitions.some(({ type, active }) => active || type === espType || type === 'ef' || type === biosBootType);

/** The ways in which the disks may be booted. */
export function bootWays(disks: readonly Disk[]): ('bios' | 'uefi')[] {
  const bios = disks.some(({ table }) => table.bootCode && table.partitions.length > 0);
  const uefi = disks.some(({ table }) => table.partitions.some(({ type }) => type === espType || type === 'ef'));
  return [...(bios ? (['bios'] as const) : []), ...(uefi ? (['uefi'] as const) : [])];
}

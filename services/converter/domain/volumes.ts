import type { Partition, PartitionTable } from './partitions.ts';
import type { FileSystem } from './superblock.ts';

/** A place on a disk that may hold a file system: a partition, a logical volume, or the whole disk when it has no table. */
export interface Volume {
  readonly disk: number;
  readonly offset: number;
  readonly length: number;
  readonly partition?: Partition;
  readonly lv?: { readonly group: string; readonly name: string };
  /** It lies in no one run of bytes on one disk: only a kernel puts it together. */
  readonly scattered?: boolean;
  /** It is the inside of an encrypted volume, which the appliance has opened by this name. */
  readonly opened?: { readonly of: Volume; readonly as: string };
  /** Of an encrypted volume: why it is still closed, though there are keys. */
  readonly closed?: string;
  readonly fileSystem?: FileSystem;
}

/** A logical volume that is no one run of bytes on one disk. */
export interface Unreached {
  readonly group: string;
  readonly name: string;
  readonly kind: string;
  readonly why: string;
}

export interface Disk {
  readonly index: number;
  readonly sizeBytes: number;
  readonly table: PartitionTable;
  readonly volumes: readonly Volume[];
}

/** It was not unmounted in order: its journal must be seen to first. */
export function isDirty({ fileSystem }: Volume): boolean {
  const ext = fileSystem?.ext;
  return ext !== undefined && (ext.needsRecovery || !ext.clean);
}

/** How a person calls it: `disk 0, partition 1`. */
export function placeOf({ disk, partition, lv, opened }: Volume): string {
  if (opened) return `${placeOf(opened.of)}, opened`;
  return lv ? `${lv.group}/${lv.name}` : `disk ${disk}${partition ? `, partition ${partition.number}` : ''}`;
}

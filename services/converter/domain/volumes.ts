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
export const placeOf = ({ disk, partition, lv }: Volume) =>
  lv ? `${lv.group}/${lv.name}` : `disk ${disk}${partition ? `, partition ${partition.number}` : ''}`;

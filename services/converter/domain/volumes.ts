import type { Partition, PartitionTable } from './partitions.ts';
import type { FileSystem } from './superblock.ts';

/** A place on a disk that may hold a file system: a partition, or the whole disk when it has no table. */
export interface Volume {
  readonly disk: number;
  readonly offset: number;
  readonly length: number;
  readonly partition?: Partition;
  readonly fileSystem?: FileSystem;
}

export interface Disk {
  readonly index: number;
  readonly table: PartitionTable;
  readonly volumes: readonly Volume[];
}

/** How a person calls it: `disk 0, partition 1`. */
export const placeOf = ({ disk, partition }: Volume) =>
  `disk ${disk}${partition ? `, partition ${partition.number}` : ''}`;

import { join } from 'node:path';
import { type TargetDisk, TranshipError } from '@tranship/contracts';
import { assemble } from '../domain/lvm/assemble.ts';
import { readPartitions } from '../domain/partitions.ts';
import type { Read } from '../domain/read.ts';
import { identify } from '../domain/superblock.ts';
import type { Disk, Unreached } from '../domain/volumes.ts';
import { openReader, type Reading } from './reading.ts';

/** Where the volumes of a workbench are mounted. */
export interface Folders {
  readonly disksDir: string;
  readonly devicesDir: string;
}

/** A disk's raw file or block device; or, to be looked at only, the URI of an NBD export. */
export interface Image {
  readonly index: number;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface OpenDisk extends Disk {
  readonly path: string;
}

/** What was found on all the disks of a VM. */
export interface Probe {
  readonly disks: readonly OpenDisk[];
  readonly unreached: readonly Unreached[];
}

export const imageOf = (
  { index, sizeBytes, volumeMode }: Pick<TargetDisk, 'index' | 'sizeBytes' | 'volumeMode'>,
  { disksDir, devicesDir }: Folders,
): Image => ({
  index,
  sizeBytes,
  path: volumeMode === 'Block' ? join(devicesDir, String(index)) : join(disksDir, String(index), 'disk.img'),
});

/** Reads what lies on the disks: partitions, logical volumes, and what each of them holds. */
export function probeDisks(images: readonly Image[]): Probe {
  const opened = new Map<number, Reading>();
  try {
    for (const { index, path } of images) opened.set(index, openReader(path));
    const readOf = (disk: number) => opened.get(disk)!.read;
    const disks = images.map((image) => probe(image, readOf(image.index))).sort((a, b) => a.index - b.index);
    const lvm = assemble(
      disks.flatMap(({ volumes }) => volumes),
      readOf,
    );
    if (lvm.broken.length > 0) throw new TranshipError('guest.malformed', `LVM metadata of ${lvm.broken[0]}`);
    const withLvs = disks.map((disk) => ({
      ...disk,
      volumes: [...disk.volumes, ...lvm.volumes.filter((volume) => volume.disk === disk.index)],
    }));
    return { disks: withLvs, unreached: lvm.unreached };
  } finally {
    for (const each of opened.values()) each.close();
  }
}

function probe({ index, path, sizeBytes }: Image, read: Read): OpenDisk {
  const table = readPartitions(read, sizeBytes);
  const places = table.partitions.map((partition) => ({
    partition,
    offset: partition.offset,
    length: partition.length,
  }));
  const whole = { offset: 0, length: sizeBytes };
  const volumes = (places.length > 0 ? places : [whole]).map((place) => {
    const fileSystem = identify(read, place.offset, place.length);
    return { disk: index, ...place, ...(fileSystem ? { fileSystem } : {}) };
  });
  return { index, path, sizeBytes, table, volumes };
}

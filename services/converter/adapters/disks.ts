import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type TargetDisk, TranshipError } from '@tranship/contracts';
import { readPartitions } from '../domain/partitions.ts';
import { identify } from '../domain/superblock.ts';
import type { Disk } from '../domain/volumes.ts';
import { reader } from './undo.ts';

/** Where the volumes of a workbench are mounted. */
export interface Folders {
  readonly disksDir: string;
  readonly devicesDir: string;
}

export interface OpenDisk extends Disk {
  readonly path: string;
}

/** Reads what lies on a disk: its partitions, and the file system in each. */
export function probeDisk({ index, sizeBytes, volumeMode }: TargetDisk, { disksDir, devicesDir }: Folders): OpenDisk {
  const path = volumeMode === 'Block' ? join(devicesDir, String(index)) : join(disksDir, String(index), 'disk.img');
  if (!existsSync(path)) throw new TranshipError('guest.conversion', `there is no ${path}`);
  const handle = openSync(path, 'r');
  try {
    const read = reader(handle);
    const table = readPartitions(read, sizeBytes);
    const places = table.partitions.map((partition) => ({
      partition,
      offset: partition.offset,
      length: partition.length,
    }));
    const whole = { offset: 0, length: sizeBytes };
    const volumes = (places.length > 0 ? places : [whole]).map((place) => {
      const fileSystem = identify(read, place.offset);
      return { disk: index, ...place, ...(fileSystem ? { fileSystem } : {}) };
    });
    return { index, path, table, volumes };
  } finally {
    closeSync(handle);
  }
}

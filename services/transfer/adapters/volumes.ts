import { join } from 'node:path';
import { Disk, Ledger } from '@tranship/blocks';
import { sumsOf } from '@tranship/contracts';
import type { Config } from '../config.ts';
import type { Volumes } from '../ports.ts';

/** The volumes as the workbench mounts them. */
export function volumes({ disksDir, devicesDir, scratchDir }: Config): Volumes {
  const device = (index: number) => join(devicesDir, String(index));
  const file = (index: number) => join(disksDir, String(index), 'disk.img');
  return {
    open: ({ index, sizeBytes, volumeMode, discard }) =>
      volumeMode === 'Block' ? Disk.device(device(index), sizeBytes, { discard }) : Disk.file(file(index), sizeBytes),
    existing: ({ index, sizeBytes, volumeMode }) =>
      volumeMode === 'Block' ? Disk.device(device(index), sizeBytes) : Disk.existing(file(index), sizeBytes),
    ledger: (vm, { index, key, sizeBytes, claim }, grade) =>
      Ledger.open(scratchDir, { vm, disk: index, key, sizeBytes, claim, sums: sumsOf(grade) }),
  };
}

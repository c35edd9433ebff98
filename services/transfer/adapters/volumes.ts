import { join } from 'node:path';
import { Disk, Ledger } from '@tranship/blocks';
import type { Config } from '../config.ts';
import type { Volumes } from '../ports.ts';

/** The volumes as the workbench mounts them. */
export function volumes({ disksDir, devicesDir, scratchDir }: Config): Volumes {
  return {
    open: async ({ index, sizeBytes, volumeMode }, keepBytes) =>
      volumeMode === 'Block'
        ? { disk: await Disk.device(join(devicesDir, String(index))), zeroed: false }
        : { disk: await Disk.file(join(disksDir, String(index), 'disk.img'), sizeBytes, keepBytes), zeroed: true },
    ledger: (vm, { index, key, file, sizeBytes }, pass) =>
      Ledger.open(scratchDir, { vm, disk: index, key, file, sizeBytes, pass }),
  };
}

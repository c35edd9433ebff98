import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Marks } from '../ports.ts';
import { removeDurable, writeDurable } from './durable.ts';

/** `<scratchDir>/disk-<index>.diverged`, an empty file. */
export function marks(scratchDir: string): Marks {
  const file = (disk: number) => join(scratchDir, `disk-${disk}.diverged`);
  return {
    isDiverged: (disk) => existsSync(file(disk)),
    markDiverged: (disk) => writeDurable(file(disk), ''),
    clearDiverged: (disk) => removeDurable(file(disk)),
  };
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from './kind.ts';
import { disks, ext } from './kinds/disks.ts';
import { fat } from './kinds/fat.ts';
import { images } from './kinds/images.ts';
import { bombs, initramfs } from './kinds/initramfs.ts';
import { probes, tables } from './kinds/tables.ts';
import { long, texts } from './kinds/texts.ts';
import { trees } from './kinds/trees.ts';
import { hives, ntfs } from './kinds/windows.ts';
import { windows } from './kinds/windows-disks.ts';
import { Random } from './random.ts';

export const kinds = {
  tables,
  probes,
  fat,
  ntfs,
  hives,
  initramfs,
  bombs,
  texts,
  long,
  trees,
  images,
  ext,
  disks,
  windows,
} as const;
export type KindName = keyof typeof kinds;

const names = Object.keys(kinds) as KindName[];
const total = names.reduce((sum, name) => sum + kinds[name].share, 0);

/** What the input of a seed is made of: its kind, and the numbers that the rest of it comes from. */
export function input(seed: number): { readonly kind: KindName; readonly random: Random } {
  const random = new Random(seed);
  let left = random.below(total);
  const kind = names.find((name) => {
    left -= kinds[name].share;
    return left < 0;
  })!;
  return { kind, random };
}

/** Each in a folder of its own. */
export async function prepareKinds(folder: string): Promise<void> {
  for (const name of names) {
    mkdirSync(join(folder, name));
    await (kinds[name] as Kind).prepare?.(join(folder, name));
  }
}

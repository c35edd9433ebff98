import type { WorldVm } from '../world/schema.ts';
import { baseImage } from './base.ts';
import { personalise } from './personalise.ts';

/** Writes a guest's first disk: the recipe's base image, made this VM's own. */
export async function guestImage(vm: WorldVm, file: string): Promise<void> {
  await personalise(vm, await baseImage(vm), file);
}

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Made when the image was. Without it libguestfs makes one of the machine's own kernel and programs, and keeps it in /var/tmp. */
const ready = '/usr/share/tranship/appliance';
/** MiB of memory that the appliance has; a key is tried in as much as cryptsetup takes for it, at most, by default. */
const [memory, perKey] = [512, 1024];
export const memoryFor = (keys: readonly unknown[]): number => (keys.length > 0 ? memory + perKey : memory);

/** Whether this machine has what the appliance needs. */
export const hasAppliance = (): boolean => has('guestfish') && has('qemu-img');

export const hasV2v = (): boolean => has('virt-v2v-in-place');

const has = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => isOpen(join(folder, program), constants.X_OK));

function isOpen(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** By the kernel's help where it offers it, and without where nothing comes up by it: a kernel may offer what it does not have. */
export async function byKvm<T>(attempt: (kvm: boolean) => Promise<T>): Promise<T> {
  if (!isOpen('/dev/kvm', constants.R_OK | constants.W_OK) || process.env.LIBGUESTFS_BACKEND_SETTINGS !== undefined)
    return attempt(false);
  try {
    return await attempt(true);
  } catch (error) {
    if (!/launch/.test((error as Error).message)) throw error;
    return attempt(false);
  }
}

/** How libguestfs is told to run here: by QEMU itself, without rights, below `scratch`. What the environment says itself counts. */
export const environment = (scratch: string, kvm: boolean, memoryMiB: number): NodeJS.ProcessEnv => ({
  LIBGUESTFS_BACKEND: 'direct',
  LIBGUESTFS_BACKEND_SETTINGS: kvm ? '' : 'force_tcg',
  LIBGUESTFS_MEMSIZE: String(memoryMiB),
  LIBGUESTFS_TMPDIR: scratch,
  // QEMU's own: /var/tmp cannot be written to in a workbench.
  TMPDIR: scratch,
  // What libguestfs makes itself it keeps over runs, where it can.
  ...(existsSync(ready) ? { LIBGUESTFS_PATH: ready, LIBGUESTFS_CACHEDIR: scratch } : {}),
  ...process.env,
  LC_ALL: 'C',
  LANGUAGE: 'C',
});

import { join } from 'node:path';
import { cached, hashOf } from '../setup/cache.ts';
import { run } from '../setup/shell.ts';
import type { WorldVm } from '../world/schema.ts';
import { layInto, ownFiles } from './own-files.ts';
import { diskKeyOf, withRoot, writeDisk } from './systems.ts';

const mib = 1024 ** 2;
/** Where the root file system begins: as build/disk.sh lays a disk out. */
export const rootOffset = ({ firmware, volume }: Pick<WorldVm, 'firmware' | 'volume'>): number =>
  mib + (firmware === 'efi' ? 64 * mib : 0) + (volume === 'lvm' ? 193 * mib : 0);
const sizeMiB = 960;

/** Whether a VM's own files are written into its copy of the image; else a kernel alone could, and they are in it from the start. */
export const isWritable = ({ fileSystem }: WorldVm): boolean => fileSystem === 'ext4';

/** The compressed image that a guest's first disk begins as, built once for each state of the recipe. */
export async function baseImage(vm: WorldVm): Promise<string> {
  const { firmware, fileSystem, volume, network } = vm;
  const manager = network?.manager ?? 'ifupdown';
  const own = isWritable(vm) ? {} : ownFiles(vm);
  const system = { release: 'bookworm', maker: 'initramfs-tools', manager } as const;
  const name = `guest-debian-12-${manager}-${firmware}-${fileSystem}-${volume}`;
  const folder = await cached(name, hashOf([diskKeyOf(system), JSON.stringify(own)]), (out) =>
    withRoot(system, async (root) => {
      layInto(root, own);
      const raw = join(out, 'disk.raw');
      await writeDisk({ firmware, fileSystem, volume }, root, raw, sizeMiB);
      await run('zstd', ['-q', '-1', '--sparse', '--rm', raw]);
    }),
  );
  return join(folder, 'disk.raw.zst');
}

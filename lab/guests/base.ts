import { join } from 'node:path';
import { cached } from '../setup/cache.ts';
import { run } from '../setup/shell.ts';
import type { WorldVm } from '../world/schema.ts';
import { diskKeyOf, withRoot, writeDisk } from './systems.ts';

const mib = 1024 ** 2;
/** Where the root file system begins: as build/disk.sh lays a disk out. */
export const rootOffset = ({ firmware, volume }: Pick<WorldVm, 'firmware' | 'volume'>): number =>
  mib + (firmware === 'efi' ? 64 * mib : 0) + (volume === 'lvm' ? 193 * mib : 0);
const sizeMiB = 960;

/** The compressed image that a guest's first disk begins as, built once for each state of the recipe. */
export async function baseImage({ firmware, volume, network }: WorldVm): Promise<string> {
  const manager = network?.manager ?? 'ifupdown';
  const system = { release: 'bookworm', maker: 'initramfs-tools', manager } as const;
  const folder = await cached(`guest-debian-12-${manager}-${firmware}-${volume}`, diskKeyOf(system), (out) =>
    withRoot(system, async (root) => {
      const raw = join(out, 'disk.raw');
      await writeDisk({ firmware, fileSystem: 'ext4', volume }, root, raw, sizeMiB);
      await run('zstd', ['-q', '-1', '--sparse', '--rm', raw]);
    }),
  );
  return join(folder, 'disk.raw.zst');
}

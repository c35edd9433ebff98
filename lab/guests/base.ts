import { join } from 'node:path';
import { cached } from '../setup/cache.ts';
import { run } from '../setup/shell.ts';
import type { Layout, System } from './layout.ts';
import { diskKeyOf, withRoot, writeDisk } from './systems.ts';

/** The lab's own guest. */
const debian12: System = { release: 'bookworm', maker: 'initramfs-tools', manager: 'ifupdown' };
/** The root file system begins here. */
export const rootOffset = { bios: 1024 ** 2, efi: 65 * 1024 ** 2 } as const;
const sizeMiB = 960;

/** The compressed base image of the lab's guests, for BIOS or for UEFI, built once for each state of the recipe. */
export async function baseImage(firmware: Layout['firmware']): Promise<string> {
  const folder = await cached(`guest-debian-12-${firmware}`, diskKeyOf(debian12), (out) =>
    withRoot(debian12, async (root) => {
      const raw = join(out, 'disk.raw');
      await writeDisk({ firmware, fileSystem: 'ext4', volume: 'plain' }, root, raw, sizeMiB);
      await run('zstd', ['-q', '-1', '--sparse', '--rm', raw]);
    }),
  );
  return join(folder, 'disk.raw.zst');
}

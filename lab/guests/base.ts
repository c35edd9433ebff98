import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from '../setup/cache.ts';
import { step } from '../setup/progress.ts';
import { removeScratch, scratch } from '../setup/scratch.ts';
import { run } from '../setup/shell.ts';
import { sourcesFile } from '../setup/sources.ts';

const recipe = fileURLToPath(new URL('debian-12/', import.meta.url));
/** The root file system begins here. */
export const rootOffset = { bios: 1024 ** 2, efi: 65 * 1024 ** 2 } as const;
const sizeMiB = 960;

/** The compressed base images of the recipe, for BIOS and for UEFI, built once for each state of the recipe. */
export async function baseImage(firmware: 'bios' | 'efi'): Promise<string> {
  const folder = await cached('guest-debian-12', hashOf([{ path: recipe }]), (out) =>
    step('building the guest Debian 12 from its packages', 60, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const root = scratch('/dev/shm', 'tranship-guest');
      try {
        await run(join(recipe, 'root.sh'), [root, sourcesFile('bookworm')], { onLine });
        for (const each of ['bios', 'efi']) {
          const raw = join(out, `${each}.raw`);
          await run(join(recipe, 'disk.sh'), [each, root, raw, String(sizeMiB)], { onLine });
          await run('zstd', ['-q', '-1', '--sparse', '--rm', raw]);
        }
      } finally {
        removeScratch(root);
      }
    }),
  );
  return join(folder, `${firmware}.raw.zst`);
}

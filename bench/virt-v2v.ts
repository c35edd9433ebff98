import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installAppliance } from '../lab/setup/packages.ts';
import { run } from '../lab/setup/shell.ts';

const deadlineMs = 1_200_000;

/** virt-v2v's own conversion, of a raw disk where it lies; its appliance is made beforehand, as in production, and goes in the end. */
export class VirtV2v {
  readonly #cache = mkdtempSync(join(tmpdir(), 'tranship-appliance-'));
  /** KVM is never asked for: it may be there and not work. */
  readonly environment = {
    LIBGUESTFS_BACKEND: 'direct',
    LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
    LIBGUESTFS_CACHEDIR: this.#cache,
  };

  static async ready(): Promise<VirtV2v> {
    await installAppliance();
    const made = new VirtV2v();
    try {
      await run('guestfish', ['-a', '/dev/null', 'run'], { env: made.environment, deadlineMs });
      return made;
    } catch (error) {
      made.end();
      throw error;
    }
  }

  convert(disk: string): Promise<string> {
    return run('virt-v2v-in-place', ['-i', 'disk', disk], { env: this.environment, deadlineMs });
  }

  end(): void {
    rmSync(this.#cache, { recursive: true, force: true });
  }
}

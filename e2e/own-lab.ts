import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the lab without its guests and without Tranship's services. */
const mostMB = 3 * 1024;

export interface OwnLab {
  up(): Promise<void>;
  /** However far it is up. */
  down(): Promise<void>;
}

/**
 * A lab of this name and world, beside one that a person may have running. A running one that TRANSHIP_LAB_DIR names is
 * used, and left. `images`: that its node holds besides. Nothing of the lab may be imported before.
 */
export async function ownLab(
  name: string,
  world: string,
  images: () => Promise<string[]> = async () => [],
): Promise<OwnLab> {
  const named = process.env.TRANSHIP_LAB_DIR !== undefined;
  process.env.TRANSHIP_LAB_DIR ??= join(homedir(), '.local/state/tranship', name);
  const { up } = await import('../lab/host/up.ts');
  const { down } = await import('../lab/host/down.ts');
  const { overview, show } = await import('../lab/host/overview.ts');
  const { runningLab } = await import('../lab/state.ts');
  if (named && runningLab()) return { up: async () => {}, down: async () => {} };
  const file = fileURLToPath(new URL(world, import.meta.url));
  return {
    up: async () => {
      await down();
      await up({ world: file, images: await images(), onProgress: (line) => console.log(`  lab ${line}`) });
      const now = overview();
      console.log(show(now));
      if (now.rssWithoutGuestsMB! <= mostMB) return;
      await down();
      throw new Error(
        `the lab takes ${now.rssWithoutGuestsMB} MB without its guests, and is to take no more than ${mostMB}`,
      );
    },
    down,
  };
}

import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One lab for all stories, beside one that a person may have running. A running one that TRANSHIP_LAB_DIR names is used, and left. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  const named = process.env.TRANSHIP_LAB_DIR !== undefined;
  process.env.TRANSHIP_LAB_DIR ??= join(homedir(), '.local/state/tranship/e2e');
  const { up } = await import('../lab/host/up.ts');
  const { down } = await import('../lab/host/down.ts');
  const { overview, show } = await import('../lab/host/overview.ts');
  const { runningLab } = await import('../lab/state.ts');
  if (named && runningLab()) return;
  await down();
  const world = fileURLToPath(new URL('world.yaml', import.meta.url));
  await up({ world, onProgress: (line) => console.log(`  lab ${line}`) });
  console.log(show(overview()));
  return down;
}

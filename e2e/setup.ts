import { ownLab } from './own-lab.ts';

/** One lab for all stories. */
export async function setup(): Promise<() => Promise<void>> {
  const lab = await ownLab('e2e', 'world.yaml');
  await lab.up();
  return lab.down;
}

import { lives } from '../setup/owner.ts';
import { stateDir } from '../state.ts';
import { holders } from './holder.ts';
import { sweep } from './sweep.ts';

const orderlyMs = 15_000;

/** Ends the lab in order, then removes what it made. */
export async function down(): Promise<void> {
  const init = holders(stateDir)[1];
  if (init !== undefined) {
    process.kill(init, 'SIGTERM');
    for (let i = 0; i < orderlyMs / 100 && lives(init); i++) await new Promise((done) => setTimeout(done, 100));
  }
  await sweep(stateDir);
}

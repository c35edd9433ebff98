import { parseArgs } from 'node:util';
import { cellsOf } from '../e2e/guests/table.ts';
import { close, type Tally } from './checks.ts';
import { rowsAsked, runKills, words } from './faults/kills.ts';
import { runTests } from './vitest.ts';

// npm run faults: the matrix of kills and steps, with --guests that of guests which are converted and booted, or with --slow the rest.
const usage = `npm run faults [-- --steps S --kills K], lists with commas
${words}
npm run faults -- --guests [WORD...], guests that have all of these: debian-13 xfs, or a whole name; all: every one;
                                         --mount: what migrations leave to the appliance, by the node's kernel
npm run faults -- --appliance, a guest on xfs moved by workbenches that have libguestfs' appliance, on a lab of its own
npm run faults -- --slow, what takes minutes: a disk of 62 TiB; encrypted guests; a guest by virt-v2v; a Windows by ours and by virt-v2v;
                             a rehearsal that fails`;

function asked(): () => Promise<Tally> {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        steps: { type: 'string' },
        kills: { type: 'string' },
        guests: { type: 'boolean' },
        mount: { type: 'boolean' },
        slow: { type: 'boolean' },
        appliance: { type: 'boolean' },
      },
    });
    if (values.appliance) return () => runTests(['appliance'], positionals);
    if (values.slow) return () => runTests(['slow'], positionals);
    if (values.guests) {
      const cells = cellsOf(positionals);
      return async () => (await import('./faults/guests.ts')).runGuests(cells, values.mount ?? false);
    }
    if (positionals.length > 0) throw new RangeError(`what is ${positionals[0]}?`);
    const rows = rowsAsked(values.kills, values.steps);
    return () => runKills(rows);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    process.exit(2);
  }
}

try {
  close(await asked()());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  close({ passed: 0, failed: 1, skipped: 0 });
}
process.exit();

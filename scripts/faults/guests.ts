import { runCell } from '../../e2e/guests/cell.ts';
import { judge } from '../../e2e/guests/judge.ts';
import { head, line, reasons } from '../../e2e/guests/render.ts';
import type { Cell } from '../../e2e/guests/table.ts';
import { insist, judgeMachine } from '../../lab/host/preflight.ts';
import { probeMachine } from '../../lab/host/probe.ts';
import { installAppliance, installPackages } from '../../lab/setup/packages.ts';
import type { Tally } from '../checks.ts';

/** Boots each guest on VMware's hardware, and before and after its conversion on KubeVirt's. Needs no lab. `mount`: see {@link runCell}. */
export async function runGuests(cells: readonly Cell[], mount: boolean): Promise<Tally> {
  insist(judgeMachine(probeMachine()));
  await installPackages();
  if (!mount) await installAppliance();
  // Guests and their disks go with us.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const tally = { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${cells.length} guests\n\n${head}`);
  for (const cell of cells) {
    const course = await runCell(cell, mount);
    const problems = judge(course);
    console.log([line(course, problems), ...reasons(course, problems)].join('\n'));
    tally[problems.length > 0 ? 'failed' : 'passed']++;
  }
  return tally;
}

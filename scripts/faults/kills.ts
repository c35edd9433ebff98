import { judge } from '../../e2e/matrix/judge.ts';
import { head, line, reasons } from '../../e2e/matrix/render.ts';
import { kills, type Row, rowsOf, steps } from '../../e2e/matrix/table.ts';
import { ownLab } from '../../e2e/own-lab.ts';
import type { Tally } from '../checks.ts';

export const words = `  steps  ${steps.join(' ')}
  kills  ${kills.join(' ')}`;

/** @throws RangeError that names what there is no such of */
export function rowsAsked(onlyKills?: string, onlySteps?: string): Row[] {
  const rows = rowsOf(onlyKills, onlySteps);
  if (rows.length === 0) throw new RangeError('none of these kills means anything at these steps');
  return rows;
}

/** Kills or fails each thing at each step of a migration, on a lab of its own. */
export async function runKills(rows: readonly Row[]): Promise<Tally> {
  const lab = await ownLab('faults', 'matrix/world.yaml');
  // The services end with us; the lab would not.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void lab.down().finally(() => process.exit(130)));
  try {
    await lab.up();
    return await onLab(rows);
  } finally {
    await lab.down();
  }
}

async function onLab(rows: readonly Row[]): Promise<Tally> {
  const { Story } = await import('../../e2e/story.ts');
  const { runRow } = await import('../../e2e/matrix/row.ts');
  const tally = { passed: 0, failed: 0, skipped: 0 };
  const story = await Story.begin();
  try {
    console.log(
      `\nBytes that nbdkit was asked for again, the worst of two disks; · is no cell of the matrix\n\n${head()}`,
    );
    for (const row of rows) {
      const course = await runRow(story, row);
      const cells = judge(course);
      console.log([line(course, cells), ...reasons(cells)].join('\n'));
      for (const { problems } of cells) tally[problems.length > 0 ? 'failed' : 'passed']++;
    }
  } finally {
    await story.end();
  }
  return tally;
}

import { parseArgs } from 'node:util';
import { judge } from '../e2e/matrix/judge.ts';
import { head, line, reasons } from '../e2e/matrix/render.ts';
import { kills, type Row, rowsOf, steps } from '../e2e/matrix/table.ts';
import { ownLab } from '../e2e/own-lab.ts';
import { close, type Tally } from './checks.ts';

// npm run faults [-- --steps S --kills K]: kills or fails each thing at each step of a migration, on a lab of its own.
const usage = `npm run faults [-- --steps S --kills K], lists with commas
  steps  ${steps.join(' ')}
  kills  ${kills.join(' ')}`;

function asked(): Row[] {
  try {
    const { values } = parseArgs({ options: { steps: { type: 'string' }, kills: { type: 'string' } } });
    const rows = rowsOf(values.kills, values.steps);
    if (rows.length === 0) throw new RangeError('none of these kills means anything at these steps');
    return rows;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    process.exit(2);
  }
}

async function run(rows: readonly Row[]): Promise<Tally> {
  const { Story } = await import('../e2e/story.ts');
  const { runRow } = await import('../e2e/matrix/row.ts');
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

const rows = asked();
const lab = await ownLab('faults', 'matrix/world.yaml');
// The services end with us; the lab would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
try {
  await lab.up();
  close(await run(rows));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  close({ passed: 0, failed: 1, skipped: 0 });
} finally {
  await lab.down();
}
process.exit();

import { type Cell, type Course, inMib } from './judge.ts';
import { type Row, steps } from './table.ts';

const wide = 12;
const first = 12;

/** The head of the table: a row a kill, a column a step. */
export const head = (): string =>
  ['kill'.padEnd(first), ...steps.map((step) => step.padStart(wide)), 'seconds'.padStart(wide)].join('');

/** One row: what each hit cost, in bytes read again; FAIL where a promise was not kept. */
export function line({ kill, seconds }: Pick<Row & Course, 'kill' | 'seconds'>, cells: readonly Cell[]): string {
  const shown = steps.map((step) => {
    const cell = cells.find((each) => each.step === step);
    if (!cell) return '·';
    return cell.problems.length > 0 ? 'FAIL' : inMib(cell.againBytes ?? 0);
  });
  return [kill.padEnd(first), ...[...shown, String(Math.round(seconds))].map((text) => text.padStart(wide))].join('');
}

/** Why, a line each; the same for several cells is told once. */
export function reasons(cells: readonly Cell[]): string[] {
  const told = new Map<string, string[]>();
  for (const { step, problems } of cells)
    for (const problem of problems) told.set(problem, [...(told.get(problem) ?? []), step]);
  return [...told].map(([problem, at]) => `  ${cells[0]!.kill} at ${at.join(', ')}: ${problem}`);
}

import type { Check } from '@tranship/contracts';
import { table } from '../render/table.ts';
import type { Terminal } from '../terminal.ts';

const looks = { good: '✓', bad: '✗', warning: '!', dim: '?' } as const;
const lookOf = ({ ok, but }: Check): keyof typeof looks =>
  !ok ? 'bad' : but === undefined ? 'good' : but === 'warning' ? 'warning' : 'dim';

/** A line for each check, and what to do under each that is no plain yes. */
export function checkLines(checks: readonly Check[], { style }: Pick<Terminal, 'style'>): string[] {
  const lines = table(
    [],
    checks.map((check) => [looks[lookOf(check)], check.name, check.detail]),
  );
  return checks.flatMap((check, i) => [
    style(lookOf(check), lines[i]!),
    ...(check.fix === undefined ? [] : [`    fix: ${check.fix}`]),
  ]);
}

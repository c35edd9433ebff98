import type { Check } from '@tranship/contracts';
import { table } from '../render/table.ts';
import type { Terminal } from '../terminal.ts';

/** A line for each check, and what to do under each that failed. */
export function checkLines(checks: readonly Check[], { style }: Pick<Terminal, 'style'>): string[] {
  const lines = table(
    [],
    checks.map(({ name, ok, detail }) => [ok ? '✓' : '✗', name, detail]),
  );
  return checks.flatMap(({ ok, fix }, i) => [
    style(ok ? 'good' : 'bad', lines[i]!),
    ...(fix === undefined ? [] : [`    fix: ${fix}`]),
  ]);
}

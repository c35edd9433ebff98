import type { Course } from './judge.ts';
import { nameOf } from './table.ts';

/** The head of the table, as Markdown: a row a guest. */
export const head = [
  '| guest | boots on VMware | engine | converted in | boots on KubeVirt | |',
  '| --- | --- | --- | --- | --- | --- |',
].join('\n');

/** One row: seconds of each part, and whether all was as before. */
export function line({ cell, before, conversion, after }: Course, problems: readonly string[]): string {
  const cells = [
    `\`${nameOf(cell)}\``,
    before ? seconds(before.seconds) : '',
    conversion?.engine ?? '',
    conversion ? seconds(conversion.seconds) : '',
    after ? seconds(after.seconds) : '',
    problems.length === 0 ? 'passed' : 'FAIL',
  ];
  return `| ${cells.join(' | ')} |`;
}

const seconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;

/** Why, a line each, and what the console of the last boot showed. */
export function reasons({ cell, before, unconverted, after }: Course, problems: readonly string[]): string[] {
  if (problems.length === 0) return [];
  const last = after ?? unconverted ?? before;
  return [
    ...problems.map((problem) => `  ${nameOf(cell)}: ${problem}`),
    ...(last?.outcome === 'up' ? [] : (last?.tail ?? []).map((each) => `    | ${each}`)),
  ];
}

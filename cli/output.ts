import { apiVersion } from '@tranship/contracts';
import { stringify } from 'yaml';
import type { Kind } from './kinds.ts';
import { table } from './render/table.ts';
import type { Terminal } from './terminal.ts';

export const formats = ['table', 'wide', 'json', 'yaml', 'name', 'html'] as const;
export type Format = (typeof formats)[number];

export const yaml = (value: unknown): string => stringify(value, { lineWidth: 0 }).trimEnd();

/** A value in a machine's format; otherwise what `people` says. */
export function show(terminal: Terminal, format: Format, value: unknown, people: () => readonly string[]): void {
  if (format === 'json') terminal.out(JSON.stringify(value, null, 2));
  else if (format === 'yaml') terminal.out(yaml(value));
  else for (const line of people()) terminal.out(line);
}

/** Items of one kind: a table, their names, or all that is known of them. */
export function showItems<T>(
  terminal: Terminal,
  format: Format,
  kind: Kind<T>,
  items: readonly T[],
  one: boolean,
): void {
  const value = one ? items[0] : { apiVersion, kind: 'List', items };
  show(terminal, format, value, () => {
    if (format === 'name') return items.map((item) => `${kind.name}/${kind.nameOf(item)}`);
    if (items.length === 0) return [];
    return table(titlesOf(format, kind), rowsOf(format, kind, items));
  });
}

const columnsOf = <T>(format: Format, { columns }: Kind<T>) => columns.filter(({ wide }) => format === 'wide' || !wide);
export const titlesOf = <T>(format: Format, kind: Kind<T>): string[] =>
  columnsOf(format, kind).map(({ title }) => title);
export const rowsOf = <T>(format: Format, kind: Kind<T>, items: readonly T[], now = Date.now()): string[][] =>
  items.map((item) => columnsOf(format, kind).map(({ of }) => of(item, now)));

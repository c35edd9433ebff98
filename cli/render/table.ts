import { stripVTControlCharacters } from 'node:util';

const width = (text: string) => [...stripVTControlCharacters(text)].length;

/** Columns as wide as their widest cell, three blanks apart, as kubectl prints them. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = titles.length > 0 ? [titles, ...rows] : rows;
  const widths: number[] = [];
  for (const row of all) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return all.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i]!))
      .join('   ')
      .trimEnd(),
  );
}

export const pad = (text: string, to: number): string => text + ' '.repeat(Math.max(0, to - width(text)));

/** Cut to a width, the last sign an ellipsis. For text without colours. */
export function cut(text: string, to: number): string {
  const signs = [...text];
  return signs.length <= to ? text : `${signs.slice(0, Math.max(0, to - 1)).join('')}…`;
}

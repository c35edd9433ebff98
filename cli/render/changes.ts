import { type FileChange, isSized, type MadeChange, unifiedDiff } from '@tranship/contracts';
import type { Terminal } from '../terminal.ts';
import type { StyleName } from './style.ts';

type Style = Terminal['style'];
type Digests = Pick<FileChange, 'before' | 'after'>;

const most = { lines: 40, columns: 200 };

/** Files of a guest that a conversion would change: each with its digests and its diff. */
export const changeLines = (changes: readonly FileChange[], style: Style) =>
  changes.flatMap(({ path, before, after, diff }) => lines(path, before === null, { before, after }, diff, style));

/** The same of those that it has changed. */
export const madeLines = (changes: readonly MadeChange[], style: Style) =>
  changes.flatMap((change) => lines(change.path, change.before === null, change.digests, diffOf(change), style));

function diffOf({ before, after }: MadeChange): string | undefined {
  const texts = [before ?? '', after ?? ''] as const;
  return texts.some(isSized) ? undefined : unifiedDiff(...texts);
}

function lines(path: string, isNew: boolean, digests: Digests | undefined, diff = '', style: Style): string[] {
  const all = diff.split('\n').filter((line) => line !== '');
  const digest = (mark: string, of: string | null) => `${mark} ${of === null ? 'none' : `sha256 ${of}`}`;
  return [
    harmless(`${isNew ? 'new ' : ''}${path}`),
    ...[
      ...(digests ? [digest('---', digests.before), digest('+++', digests.after)] : []),
      ...all.slice(0, most.lines),
    ].map((line) => `  ${painted(short(harmless(line)), style)}`),
    ...(all.length > most.lines ? [`  … ${all.length - most.lines} lines more`] : []),
  ];
}

/** A guest's own text moves no cursor and ends no line. */
export const harmless = (line: string) => line.replace(/\p{Cc}/gu, (sign) => (sign === '\t' ? sign : '�'));
const short = (line: string) => (line.length > most.columns ? `${line.slice(0, most.columns)}…` : line);

const marks: Readonly<Record<string, StyleName>> = { '+': 'good', '-': 'bad', '@': 'dim' };
const painted = (line: string, style: Style) => (marks[line[0]!] ? style(marks[line[0]!]!, line) : line);

import { styleText } from 'node:util';

export type StyleName = 'good' | 'bad' | 'warning' | 'dim' | 'strong';

const codes = { good: 'green', bad: 'red', warning: 'yellow', dim: 'dim', strong: 'bold' } as const;

export const styled = (name: StyleName, text: string): string =>
  styleText(codes[name], text, { validateStream: false });

const states: Readonly<Record<string, StyleName>> = {
  succeeded: 'good',
  ready: 'good',
  failed: 'bad',
  lost: 'bad',
  critical: 'bad',
  contested: 'bad',
  'decision-needed': 'bad',
  warning: 'warning',
  cancelled: 'warning',
  undone: 'warning',
};

/** How a state is painted, if at all. */
export const styleOf = (state: string): StyleName | undefined => states[state];

import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { type StyleName, styled } from './render/style.ts';

/** What a command says and hears. */
export interface Terminal {
  /** One line of the result. */
  out(line: string): void;
  /** One line that is no result: silent with --quiet. */
  note(line: string): void;
  error(line: string): void;
  /** Set where standard output is a terminal that can be redrawn. */
  readonly screen: { columns(): number; rows(): number; write(raw: string): void } | undefined;
  style(name: StyleName, text: string): string;
  readAll(): Promise<string>;
  /** Asks yes or no; undefined where there is nobody to ask. */
  confirm(question: string): Promise<boolean | undefined>;
}

export function terminal({ color, quiet }: { color: boolean; quiet: boolean }): Terminal {
  const { stdin, stdout, stderr } = process;
  const colored = color && stdout.isTTY === true && !process.env.NO_COLOR;
  return {
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void (quiet || stderr.write(`${line}\n`)),
    error: (line) => void stderr.write(`${line}\n`),
    screen: stdout.isTTY
      ? {
          columns: () => stdout.columns || 80,
          rows: () => stdout.rows || 24,
          write: (raw) => void stdout.write(raw),
        }
      : undefined,
    style: (name, line) => (colored ? styled(name, line) : line),
    readAll: () => text(stdin),
    confirm: async (question) => {
      if (!stdin.isTTY) return undefined;
      const lines = createInterface({ input: stdin, output: stderr });
      const answer = await lines.question(`${question} [y/N] `);
      lines.close();
      return /^y(es)?$/i.test(answer.trim());
    },
  };
}

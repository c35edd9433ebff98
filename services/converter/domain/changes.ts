import { createHash } from 'node:crypto';

/** A change to the guest's files. Everything that is new belongs to root. */
export type Change =
  /** A file of this content. Where it is there already, owner and group are kept, and the mode unless another is given. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: Buffer;
      readonly mode?: number;
      readonly onlyIfAbsent?: boolean;
    }
  /** Bytes behind the file's own, from the next multiple of four. */
  | { readonly kind: 'append'; readonly path: string; readonly content: Buffer }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** Made when it is not there. */
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number };

export const textFile = (path: string, text: string, mode?: number): Change => ({
  kind: 'file',
  path,
  content: Buffer.from(text),
  ...(mode === undefined ? {} : { mode }),
});

/** A file before or after, as the result tells it. */
export interface Told {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

const maxTextBytes = 16 * 1024;

/** The text of a small text file, else its size and SHA-256. */
export function describe(content: Buffer): string {
  if (content.length <= maxTextBytes && !content.includes(0)) {
    const text = content.toString('utf8');
    if (Buffer.from(text).equals(content)) return text;
  }
  return sizeAndHash(content);
}

export const sizeAndHash = (content: Buffer): string =>
  `${content.length} bytes, sha256 ${createHash('sha256').update(content).digest('hex')}`;

/** Keeps the whole list below `maxBytes`: the longest texts give way to size and hash first. */
export function fit(changes: readonly Told[], maxBytes = 128 * 1024): Told[] {
  const length = (text: string | null) => text?.length ?? 0;
  const total = () =>
    told.reduce((sum, { path, before, after }) => sum + path.length + length(before) + length(after), 0);
  const told = changes.map((change) => ({ ...change }));
  const bySize = [...told].sort((a, b) => length(b.before) + length(b.after) - length(a.before) - length(a.after));
  const short = (text: string | null) => (text !== null && text.length > 100 ? sizeAndHash(Buffer.from(text)) : text);
  for (const change of bySize) {
    if (total() <= maxBytes) break;
    change.before = short(change.before);
    change.after = short(change.after);
  }
  return told;
}

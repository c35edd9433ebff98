import { createHash } from 'node:crypto';
import { type FileChange, type MadeChange, sized, unifiedDiff } from '@tranship/contracts';
import { decoded } from './text.ts';
import type { KeyEdit } from './windows/registry.ts';

/** A change to the guest's files. Everything that is new belongs to root. */
export type Change =
  /** A file of this content. Where it is there already, owner and group are kept, and the mode unless another is given. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: Buffer;
      readonly mode?: number;
      readonly onlyIfAbsent?: boolean;
      /** Its content is a text, in UTF-8: it is written in the coding of the file that is there. */
      readonly text?: true;
    }
  /** Bytes behind the file's own, from the next multiple of four; `close`: from its very end. */
  | { readonly kind: 'append'; readonly path: string; readonly content: Buffer; readonly close?: true }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** Values of a registry hive that is there; `prefix` is where Windows mounts it. */
  | { readonly kind: 'hive'; readonly path: string; readonly prefix: string; readonly edits: readonly KeyEdit[] }
  /** Made when it is not there. */
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number };

export const textFile = (path: string, text: string, mode?: number): Change => ({
  kind: 'file',
  path,
  content: Buffer.from(text),
  text: true,
  ...(mode === undefined ? {} : { mode }),
});

/** A file before or after, as the result tells it, and as the inspection does. */
export interface Told {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly change: FileChange;
}

/** Tells of a file, or of a link by its target. */
export function tell(path: string, before: Buffer | string | undefined, after: Buffer | string): Told {
  const text = (content: Buffer | string | undefined) =>
    content === undefined ? null : typeof content === 'string' ? content : describe(content);
  const digest = (content: Buffer | string | undefined) => (content === undefined ? null : digestOf(content));
  const isText = (content: Buffer | string | undefined) => content === undefined || asText(content) !== undefined;
  const diff =
    isText(before) && isText(after) ? diffOf(before === undefined ? '' : asText(before)!, asText(after)!) : {};
  return {
    path,
    before: text(before),
    after: text(after),
    change: { path, before: digest(before), after: digest(after), ...diff },
  };
}

/** The same of a file whose content is not at hand: by size and digest. */
export const tellLarge = (path: string, before: Digested, after: Digested): Told => ({
  path,
  before: sized(before),
  after: sized(after),
  change: { path, before: before.sha256, after: after.sha256 },
});

/** Tells of a registry hive by the values that change in it. */
export const tellHive = (
  path: string,
  texts: { before: string; after: string },
  before: Digested,
  after: Digested,
): Told => ({
  path,
  ...texts,
  change: { path, before: before.sha256, after: after.sha256, ...diffOf(texts.before, texts.after) },
});

/** What differs between two looks at a guest's files, each the SHA-256 of a file by its path. */
export function tellDigests(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Told[] {
  const text = (sha256: string | undefined) => (sha256 === undefined ? null : sized({ sha256 }));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .sort()
    .map((path) => {
      const [was, is] = [before.get(path), after.get(path)];
      return { path, before: text(was), after: text(is), change: { path, before: was ?? null, after: is ?? null } };
    });
}

const diffOf = (before: string, after: string) => {
  const diff = unifiedDiff(before, after);
  return diff === undefined ? {} : { diff };
};

export interface Digested {
  readonly size: number;
  readonly sha256: string;
}

const digestOf = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

const maxTextBytes = 16 * 1024;

/** The text of a small text file, else its size and SHA-256. */
export function describe(content: Buffer): string {
  const text = content.length <= maxTextBytes ? asText(content) : undefined;
  return text ?? sizeAndHash(content);
}

function asText(content: Buffer | string): string | undefined {
  if (typeof content === 'string') return content;
  const text = content.includes(0) ? undefined : decoded(content);
  return text !== undefined && Buffer.from(text).equals(content) ? text : undefined;
}

const sizeAndHash = (content: Buffer): string => sized({ size: content.length, sha256: digestOf(content) });

/** Keeps the whole list below `maxBytes`: the longest texts give way to size and hash first. */
export function fit(changes: readonly Told[], maxBytes = 128 * 1024): MadeChange[] {
  const length = (text: string | null) => text?.length ?? 0;
  const total = () =>
    told.reduce(
      (sum, { path, before, after, digests }) =>
        sum + [path, before, after, digests.before, digests.after].reduce((all, text) => all + length(text), 0),
      0,
    );
  const told = changes.map(({ path, before, after, change }) => ({
    ...{ path, before, after },
    digests: { before: change.before, after: change.after },
  }));
  const bySize = [...told].sort((a, b) => length(b.before) + length(b.after) - length(a.before) - length(a.after));
  const short = (text: string | null) => (text !== null && text.length > 100 ? sizeAndHash(Buffer.from(text)) : text);
  for (const change of bySize) {
    if (total() <= maxBytes) break;
    change.before = short(change.before);
    change.after = short(change.after);
  }
  return told;
}

/** Leaves out the longest diffs, until all together are below `maxBytes`; what changes is told all the same. */
export function fitDiffs(changes: readonly FileChange[], maxBytes = 64 * 1024): FileChange[] {
  const bytes = ({ diff = '' }: FileChange) => Buffer.byteLength(diff);
  let total = changes.reduce((sum, change) => sum + bytes(change), 0);
  const dropped = new Set<FileChange>();
  for (const change of [...changes].sort((a, b) => bytes(b) - bytes(a))) {
    if (total <= maxBytes) break;
    total -= bytes(change);
    dropped.add(change);
  }
  return changes.map((change) => {
    const { diff: _, ...rest } = change;
    return dropped.has(change) ? rest : change;
  });
}

import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { type Change, type Told, tell, tellHive, tellLarge } from '../domain/changes.ts';
import { codedAs } from '../domain/text.ts';
import type { Entry, Target } from '../ports.ts';
import { type Bare, withAttributes } from './attributes.ts';
import { isFile } from './entries.ts';
import { ancestors, entryAt, type Guest } from './guest.ts';
import { digestOf } from './hash.ts';
import { editHive } from './hives.ts';
import { reader } from './undo.ts';

/** Changes made ready: all that they meet is read, all that they write lies here, and nothing is changed yet. */
export interface Edit {
  readonly targets: readonly Target[];
  readonly told: readonly Told[];
  /** Holds the files to be written; to be removed after use. */
  readonly folder: string;
}

const maxChanges = 500;
const [fileType, folderType, linkMode, permissions] = [0o100000, 0o040000, 0o120777, 0o7777];

/** Makes changes ready in a new folder below `scratch`. Throws `guest.unsupported` where something else is in the way. */
export async function prepareEdit(
  guest: Guest,
  changes: readonly Change[],
  { scratch, signal }: { readonly scratch: string; readonly signal: AbortSignal },
): Promise<Edit> {
  if (changes.length > maxChanges)
    throw new TranshipError(
      'guest.malformed',
      `${changes.length} of its files would have to change: more than any guest's`,
    );
  const folder = mkdtempSync(join(scratch, 'edit-'));
  try {
    const entries = await guest.list(changes.flatMap(({ path }) => ancestors(path)));
    const texts = changes.filter(({ kind }) => kind === 'file').map(({ path }) => path);
    const before = await guest.read(texts);
    const grown = changes.filter(({ kind }) => kind === 'append' || kind === 'hive').map(({ path }) => path);
    const maker = new Maker({ entries, before, folder, signal, mounts: guest.mounts.map(({ at }) => at) });
    await guest.withCopies(grown, async (copies) => {
      for (const change of changes) await maker.take(change, copies.get(change.path));
    });
    const targets = await withAttributes(guest, [...maker.targets.values()]);
    return { targets, told: maker.told, folder };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Given {
  readonly entries: ReadonlyMap<string, readonly Entry[]>;
  readonly before: ReadonlyMap<string, Buffer>;
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Where file systems begin: there is a folder, seen or not. */
  readonly mounts: readonly string[];
}

class Maker {
  readonly targets = new Map<string, Bare>();
  readonly told: Told[] = [];
  readonly #given: Given;
  #files = 0;

  constructor(given: Given) {
    this.#given = given;
  }

  async take(change: Change, copy: string | undefined): Promise<void> {
    const { path } = change;
    const now = entryAt(this.#given.entries, path);
    switch (change.kind) {
      case 'folder':
        if (!now) this.#add({ path, what: 'folder', mode: folderType | change.mode, uid: 0, gid: 0 });
        return;
      case 'link':
        if (now && isFile(now)) throw inTheWay(path);
        this.#add({ path, what: { link: change.target }, mode: linkMode, uid: 0, gid: 0, ...(now ? { now } : {}) });
        this.told.push(tell(path, now ? 'link' : undefined, `link to ${change.target}`));
        return;
      case 'file': {
        const before = this.#given.before.get(path);
        if (now && change.onlyIfAbsent) return;
        const content = change.text ? codedAs(before, change.content) : change.content;
        if (!content)
          throw new TranshipError('guest.unsupported', `${path} in the guest is not UTF-8, as what is to stand in it`);
        if (now && before?.equals(content)) return;
        if (now && !before) throw inTheWay(path);
        const file = this.#newFile();
        writeFileSync(file, content);
        this.#addFile(path, file, change.mode ?? 0o644, now, change.mode);
        this.told.push(tell(path, before, content));
        return;
      }
      case 'append': {
        if (!now || !copy) throw inTheWay(path);
        // A second run finds what the first one appended.
        if (endsWith(copy, change.content)) return;
        const before = await digestOf(copy);
        const file = this.#newFile();
        renameSync(copy, file);
        if (!change.close) truncateSync(file, Math.ceil(statSync(file).size / 4) * 4);
        appendFileSync(file, change.content);
        this.#addFile(path, file, 0o644, now);
        this.told.push(tellLarge(path, before, await digestOf(file)));
        return;
      }
      case 'hive': {
        if (!now || !copy) throw inTheWay(path);
        const before = await digestOf(copy);
        const file = this.#newFile();
        renameSync(copy, file);
        const texts = await editHive(file, change, this.#given.signal);
        this.#addFile(path, file, 0o644, now);
        this.told.push(tellHive(path, texts, before, await digestOf(file)));
      }
    }
  }

  #addFile(path: string, file: string, fresh: number, now: Entry | undefined, wanted?: number): void {
    const mode = fileType | (wanted ?? (now ? now.mode & permissions : fresh));
    this.#add({ path, what: { file }, mode, uid: now?.uid ?? 0, gid: now?.gid ?? 0, ...(now ? { now } : {}) });
  }

  #add(target: Bare): void {
    const { entries, mounts } = this.#given;
    for (const path of ancestors(target.path))
      if (!mounts.includes(path) && !this.targets.has(path) && !entryAt(entries, path))
        this.targets.set(path, { path, what: 'folder', mode: folderType | 0o755, uid: 0, gid: 0 });
    this.targets.set(target.path, target);
  }

  #newFile(): string {
    return join(this.#given.folder, `new-${this.#files++}`);
  }
}

function endsWith(file: string, end: Buffer): boolean {
  const handle = openSync(file, 'r');
  try {
    return reader(handle)(fstatSync(handle).size - end.length, end.length).equals(end);
  } finally {
    closeSync(handle);
  }
}

const inTheWay = (path: string) =>
  new TranshipError('guest.unsupported', `${path} in the guest is not what it should be: a plain file was expected`);

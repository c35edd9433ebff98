import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';

const maxLinks = 40;

/** A tree of the guest's files that lies in a folder here. Its links are followed by our own hand: within it alone. */
export class FolderFs implements WritableFs {
  readonly #root: string;
  readonly #scratch: string;

  constructor(root: string, scratch: string) {
    this.#root = root;
    this.#scratch = scratch;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return new Map(
      folders.flatMap((folder) => {
        const here = this.resolve(folder, true);
        if (here === undefined || !lstatSync(here).isDirectory()) return [];
        const entries = readdirSync(here).flatMap((name): Entry[] => {
          const stat = lstatSync(join(here, name), { throwIfNoEntry: false });
          return stat ? [{ name, mode: stat.mode, uid: stat.uid, gid: stat.gid, size: stat.size }] : [];
        });
        return [[folder, entries] as const];
      }),
    );
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'dump-'));
    const copies = new Map<string, string>();
    for (const [i, file] of files.entries()) {
      const here = this.resolve(file, false);
      const stat = here === undefined ? undefined : lstatSync(here);
      if (here === undefined || !stat?.isFile() || stat.size > maxBytes) continue;
      copyFileSync(here, join(folder, String(i)));
      copies.set(file, join(folder, String(i)));
    }
    return { folder, files: copies };
  }

  /** A bare tree is no place for labels. */
  async attributes(_paths?: readonly string[]): Promise<Map<string, Attributes>> {
    return new Map();
  }

  async write(targets: readonly PlacedTarget[]): Promise<void> {
    for (const target of targets) {
      const { inner } = target;
      const above = this.resolve(inner.slice(0, inner.lastIndexOf('/')) || '/', true);
      if (above === undefined || !lstatSync(above).isDirectory())
        throw new TranshipError('guest.conversion', `there is no folder for ${inner}`);
      const here = join(above, inner.slice(inner.lastIndexOf('/') + 1));
      try {
        put(target, here);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new TranshipError('guest.conversion', `${inner} cannot be written: ${code ?? message}`);
      }
      await this.finish(here, target);
    }
  }

  /** What else makes a written file the guest's own. */
  protected async finish(_here: string, _target: PlacedTarget): Promise<void> {}

  async check(): Promise<undefined> {
    return undefined;
  }

  /** Where a path of the guest lies here, with every link on the way (and `last`) taken from the guest's own root. */
  protected resolve(path: string, last: boolean): string | undefined {
    let left = path.split('/').filter((part) => part !== '');
    let done: string[] = [];
    let links = 0;
    while (left.length > 0) {
      const [part, ...rest] = left as [string, ...string[]];
      left = rest;
      if (part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      const here = join(this.#root, ...done, part);
      const stat = statOf(here);
      if (!stat) return undefined;
      if (!stat.isSymbolicLink() || (left.length === 0 && !last)) {
        if (left.length > 0 && !stat.isDirectory()) return undefined;
        done.push(part);
        continue;
      }
      if (++links > maxLinks) return undefined;
      const target = readlinkSync(here);
      if (target.startsWith('/')) done = [];
      left = [...target.split('/').filter((each) => each !== ''), ...left];
    }
    return join(this.#root, ...done);
  }
}

/** A link may name what no file can be called. */
function statOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

function put({ what, mode }: PlacedTarget, here: string): void {
  if (what === 'folder') {
    mkdirSync(here, { recursive: true });
    return;
  }
  // Never through a link that stands there.
  rmSync(here, { force: true });
  if ('link' in what) symlinkSync(what.link, here);
  else {
    copyFileSync(what.file, here);
    chmodSync(here, mode & 0o7777);
  }
}

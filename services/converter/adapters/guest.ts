import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Volume } from '../domain/volumes.ts';
import type { Attributes, Entry, GuestFs, WritableFs } from '../ports.ts';
import { isFile } from './entries.ts';

const mib = 1024 ** 2;
/** No file that is copied out is larger: an initramfs is the largest. */
const maxCopy = 1024 * mib;
/** Of all folders that are looked into. */
const maxEntries = 200_000;
/** Of a file that is read into memory, and of all that are read at once. */
const [maxContent, maxContents] = [16 * mib, 64 * mib];

export interface Mount<F extends GuestFs = WritableFs> {
  /** `/`, `/boot` … */
  readonly at: string;
  readonly volume: Volume;
  readonly fs: F;
}

/** What is done with the copies of files: path in the guest -> path here. */
type Use<T> = (copies: Map<string, string>) => T | Promise<T>;

/** The guest's files over all its file systems, by the paths that the guest itself uses. */
export class Guest<F extends GuestFs = WritableFs> {
  /** Innermost first. */
  readonly mounts: readonly Mount<F>[];
  /** Folders that were listed already; undefined: one that is not there. */
  readonly #listed = new Map<string, readonly Entry[] | undefined>();

  constructor(mounts: readonly Mount<F>[]) {
    this.mounts = [...mounts].sort((a, b) => b.at.length - a.at.length);
  }

  /** The mount that a path lies on, and its path there. */
  locate(path: string): { mount: Mount<F>; inner: string } {
    const mount = this.mounts.find(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`))!;
    return { mount, inner: mount.at === '/' ? path : path.slice(mount.at.length) || '/' };
  }

  /** The entries of folders, by folder; folders that are not there are left out. Throws `guest.malformed` for more than any guest's. */
  async list(folders: Iterable<string>): Promise<Map<string, readonly Entry[]>> {
    const wanted = [...new Set(folders)];
    await Promise.all(
      this.#byMount(wanted.filter((path) => !this.#listed.has(path))).map(async ({ mount, paths, inner }) => {
        const found = await mount.fs.list(inner);
        for (const [i, path] of paths.entries()) this.#listed.set(path, found.get(inner[i]!));
      }),
    );
    const known = [...this.#listed.values()].reduce((sum, entries) => sum + (entries?.length ?? 0), 0);
    if (known > maxEntries)
      throw new TranshipError(
        'guest.malformed',
        `${this.#listed.size} of its folders hold ${known} names: more than any guest's`,
      );
    return new Map(
      wanted.flatMap((path) => {
        const entries = this.#listed.get(path);
        return entries ? [[path, entries] as const] : [];
      }),
    );
  }

  /** To be called when something was written: what is asked for is read anew. */
  forget(): void {
    this.#listed.clear();
  }

  /** Extended attributes of files and folders; paths that have none are left out. */
  async attributes(wanted: Iterable<string>): Promise<Map<string, Attributes>> {
    const found = new Map<string, Attributes>();
    for (const { mount, paths, inner } of this.#byMount(wanted)) {
      const own = await mount.fs.attributes(inner);
      for (const [i, path] of paths.entries()) if (own.has(inner[i]!)) found.set(path, own.get(inner[i]!)!);
    }
    return found;
  }

  /** Copies plain files of at most `maxBytes` out, path in the guest -> path here, and removes the copies after `use`. Others are left out. */
  async withCopies<T>(files: Iterable<string>, use: Use<T>, maxBytes = maxCopy): Promise<T> {
    return this.#copied((await this.#plain(files, maxBytes)).keys(), use, maxBytes);
  }

  async #copied<T>(files: Iterable<string>, use: Use<T>, maxBytes: number): Promise<T> {
    const folders: string[] = [];
    try {
      const copies = new Map<string, string>();
      for (const { mount, paths, inner } of this.#byMount(files)) {
        const dump = await mount.fs.dump(inner, maxBytes);
        folders.push(dump.folder);
        for (const [i, path] of paths.entries())
          if (dump.files.has(inner[i]!)) copies.set(path, dump.files.get(inner[i]!)!);
      }
      return await use(copies);
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The contents of plain files of at most `maxBytes`; others are left out. Throws `guest.malformed` when all of them are more than fits. */
  async read(files: Iterable<string>, maxBytes = maxContent): Promise<Map<string, Buffer>> {
    const sizes = await this.#plain(files, maxBytes);
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    if (total > maxContents)
      throw new TranshipError(
        'guest.malformed',
        `${sizes.size} of its files hold ${total} bytes: more than any guest's`,
      );
    const contents: Use<Map<string, Buffer>> = (copies) =>
      new Map([...copies].map(([path, copy]) => [path, readFileSync(copy)]));
    return this.#copied(sizes.keys(), contents, maxBytes);
  }

  /** Those of the paths that are plain files, with their sizes: no link and no folder, and none larger than `maxBytes`. */
  async #plain(files: Iterable<string>, maxBytes: number): Promise<Map<string, number>> {
    const wanted = [...new Set(files)];
    const entries = await this.list(new Set(wanted.map((path) => dirname(path))));
    return new Map(
      wanted.flatMap((path): [string, number][] => {
        const entry = entryAt(entries, path);
        return entry && isFile(entry) && entry.size <= maxBytes ? [[path, entry.size]] : [];
      }),
    );
  }

  #byMount(paths: Iterable<string>): { mount: Mount<F>; paths: string[]; inner: string[] }[] {
    const located = [...new Set(paths)].map((path) => ({ path, ...this.locate(path) }));
    return this.mounts.flatMap((mount) => {
      const own = located.filter((each) => each.mount === mount);
      return own.length > 0
        ? [{ mount, paths: own.map(({ path }) => path), inner: own.map(({ inner }) => inner) }]
        : [];
    });
  }
}

/** All the folders above a path, outermost first. */
export function ancestors(path: string): string[] {
  const above: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    above.unshift(at);
    if (at === '/') return above;
  }
}

/** Finds a path among the entries of its folder. */
export const entryAt = (entries: ReadonlyMap<string, readonly Entry[]>, path: string): Entry | undefined =>
  entries.get(dirname(path))?.find(({ name }) => name === path.slice(path.lastIndexOf('/') + 1));

/**
 * Paths as file systems that know no case spell them: those given, what lies in them, and whatever is asked for below.
 * What is not there keeps the spelling that it was given.
 */
export async function speller(guest: Guest<GuestFs>, wanted: readonly string[]): Promise<(path: string) => string> {
  const found = new Map(guest.mounts.map(({ at }) => [at, at]));
  const listed = new Set<string>();
  for (const path of wanted.flatMap((each) => [...ancestors(each), each])) {
    const real = found.get(path.toLowerCase());
    if (real === undefined || listed.has(real)) continue;
    listed.add(real);
    const entries = (await guest.list([real])).get(real) ?? [];
    for (const path of entries.map(({ name }) => below(real, name)))
      if (!found.has(path.toLowerCase())) found.set(path.toLowerCase(), path);
  }
  const place = (path: string): string =>
    found.get(path.toLowerCase()) ?? below(place(dirname(path)), path.slice(path.lastIndexOf('/') + 1));
  return place;
}

const below = (folder: string, name: string) => (folder === '/' ? `/${name}` : `${folder}/${name}`);

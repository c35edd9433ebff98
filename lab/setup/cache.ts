import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { locked } from './lock.ts';
import { removeScratch, scratch } from './scratch.ts';

const keepMs = 14 * 24 * 3_600_000;

/** Where heavy things live that are made once: programs, images, guests. */
export const cacheDir = process.env.TRANSHIP_CACHE ?? join(homedir(), '.cache', 'tranship');

/** For programs of ours that run often: sources as Node has them once it has read them, which the product's image holds too. */
export const asInImage = { NODE_COMPILE_CACHE: join(cacheDir, 'compiled') };

/** A folder of the cache, by name and by the hash of what it is made from. Made once, however many ask for it at a time. */
export async function cached(name: string, key: string, build: (out: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir, `${name}-${key}`);
  if (existsSync(folder)) return used(folder);
  mkdirSync(cacheDir, { recursive: true });
  return locked(`${folder}.lock`, async () => {
    if (existsSync(folder)) return folder;
    const temporary = scratch(cacheDir, `.making-${name}`);
    try {
      await build(temporary);
      place(temporary, folder);
      prune(name);
    } finally {
      removeScratch(temporary);
    }
    return folder;
  });
}

/** Two that took over one dead lock may both have built: the second uses what the first has put there. */
function place(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** When it was used last, for the sweep. */
function used(folder: string): string {
  utimesSync(folder, new Date(), new Date());
  return folder;
}

/** Removes what was made under this name from other states of its sources, and not used for long. */
function prune(name: string): void {
  for (const entry of readdirSync(cacheDir)) {
    if (!entry.startsWith(`${name}-`) || !/^[0-9a-f]{16}$/.test(entry.slice(name.length + 1))) continue;
    if (Date.now() - statSync(join(cacheDir, entry)).mtimeMs > keepMs) removeScratch(join(cacheDir, entry));
  }
}

/** What lies in a folder of sources and goes into nothing that is made from them. */
const beside = /^(node_modules|\.turbo|testing)$|\.test\.ts$/;

/** A short hash over texts, and over files and folders (names and bytes). */
export function hashOf(parts: readonly (string | { path: string })[]): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) {
        if (beside.test(name)) continue;
        hash.update(name);
        add(join(path, name));
      }
    } else hash.update(readFileSync(path));
  };
  for (const part of parts) {
    if (typeof part === 'string') hash.update(part);
    else add(part.path);
    hash.update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

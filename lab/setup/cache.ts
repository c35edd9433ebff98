import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { locked } from './lock.ts';
import { removeScratch, scratch } from './scratch.ts';

/** Where heavy things live that are made once: programs, images, guests. */
export const cacheDir = process.env.TRANSHIP_CACHE ?? join(homedir(), '.cache', 'tranship');

/** A folder of the cache, by name and by the hash of what it is made from. Made once, however many ask for it at a time. */
export async function cached(name: string, key: string, build: (out: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheDir, { recursive: true });
  return locked(`${folder}.lock`, async () => {
    if (existsSync(folder)) return folder;
    const temporary = scratch(cacheDir, `.making-${name}`);
    try {
      await build(temporary);
      place(temporary, folder);
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

/** A short hash over texts, and over files and folders (names and bytes). */
export function hashOf(parts: readonly (string | { path: string })[]): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) {
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

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where heavy things live that are made once: programs, images, guests. */
export const cacheDir = process.env.TRANSHIP_CACHE ?? join(homedir(), '.cache', 'tranship');

/** A folder of the cache, by name and by the hash of what it is made from. Made by `build` in a temporary folder, then moved into place. */
export async function cached(name: string, key: string, build: (out: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheDir, { recursive: true });
  const temporary = mkdtempSync(join(cacheDir, `.making-${name}-`));
  try {
    await build(temporary);
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
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

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownerLives, self } from './owner.ts';

const mine = new Set<string>();
let watching = false;
let count = 0;

/** A new folder that does not outlive this process: gone at its end, or swept by the next one when it was killed. */
export function scratch(parent: string, name: string): string {
  if (!watching) process.once('exit', () => mine.forEach(removeScratch));
  watching = true;
  sweepScratch(parent, name);
  const path = join(parent, `${name}-${self()}-${count++}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  mine.add(path);
  return path;
}

/** Not across file systems: a killed builder may have left mounts. */
export function removeScratch(path: string): void {
  for (let i = 0; i < 5; i++) {
    // What was told to end may still write.
    if (spawnSync('rm', ['-rf', '--one-file-system', path], { timeout: 60_000 }).status === 0) break;
  }
  mine.delete(path);
}

/** Removes what processes that are no more have left. */
export function sweepScratch(parent: string, name: string): void {
  for (const entry of readdirSync(parent)) {
    const owner = entry.startsWith(`${name}-`) ? /^(\d+-\d+)-\d+$/.exec(entry.slice(name.length + 1))?.[1] : undefined;
    if (owner && !ownerLives(owner)) removeScratch(join(parent, entry));
  }
}

import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownerLives, self } from './owner.ts';

const everyMs = 200;
const longestMs = 3_600_000;
let count = 0;

/** Runs the work while no other process runs work under the same lock file. One whose owner is dead is taken over. */
export async function locked<T>(file: string, work: () => Promise<T>, longest = longestMs): Promise<T> {
  const end = Date.now() + longest;
  sweep(dirname(file));
  const owner = `${file}.${self()}-${count++}`;
  writeFileSync(owner, self());
  try {
    // A link of a written file: nobody ever sees a lock without its owner.
    while (!link(owner, file)) {
      if (Date.now() > end) throw new Error(`${file} was not free within ${longest / 1000} s`);
      const held = read(file);
      if (held !== undefined && !ownerLives(held)) rmSync(file, { force: true });
      else await new Promise((done) => setTimeout(done, everyMs));
    }
  } finally {
    rmSync(owner, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Removes the locks, and the marks of those who waited for one, that killed processes left in a folder: of ours alone. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = name.endsWith('.lock') ? read(join(folder, name)) : /\.lock\.(\d+-\d+)-\d+$/.exec(name)?.[1];
    if (/^\d+-\d+$/.test(owner ?? '') && !ownerLives(owner!)) rmSync(join(folder, name), { force: true });
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // it was freed meanwhile
  }
}

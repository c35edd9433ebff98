import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Image } from './disks.ts';
import { Journal } from './journal.ts';
import { marks } from './marks.ts';

/** Whether a conversion was cut off that kept here what it wrote over. */
export const isOpen = (scratchDir: string) => new Journal(scratchDir, marks(scratchDir)).open;

/** So long after what is kept of a disk a conversion may still write to it. */
const graceMs = 60_000;
const lastIn = (folder: string) =>
  Math.max(
    0,
    ...(existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []).map(
      (name) => statSync(join(folder, name)).mtimeMs,
    ),
  );

/** What a crash left is for the disks that it was begun with, not for others that lie in their place now. */
export function claim(scratchDir: string, images: readonly Image[]): void {
  const file = join(scratchDir, 'disks.json');
  const disks = JSON.stringify(images.map(({ path }) => [statSync(path).ino, statSync(path).birthtimeMs]));
  if (existsSync(file) && readFileSync(file, 'utf8') !== disks) {
    if (isOpen(scratchDir))
      throw new TranshipError(
        'guest.image',
        `the conversion of another disk in this place was cut off: put that one back, or remove ${scratchDir}`,
      );
    // It was finished, and its result is not this one's.
    rmSync(scratchDir, { recursive: true, force: true });
  }
  const written = images.find(
    ({ path }) => statSync(path).isFile() && statSync(path).mtimeMs > lastIn(scratchDir) + graceMs,
  );
  if (isOpen(scratchDir) && written)
    throw new TranshipError(
      'guest.image',
      `${written.path} was written to after its conversion was cut off, and what that one kept does not fit it any more: make it anew, and remove ${scratchDir}`,
    );
  mkdirSync(scratchDir, { recursive: true });
  writeFileSync(file, disks);
}

/** One conversion of a disk at a time, by whatever name it goes: a name that the kernel lets go of with its process. */
export async function lock(images: readonly Image[]): Promise<Server[]> {
  const held: Server[] = [];
  for (const { path } of images) {
    const { dev, ino } = statSync(path);
    const server = createServer();
    try {
      await once(server.listen(`\0tranship-guest-${dev}-${ino}`), 'listening');
    } catch (error) {
      for (const each of held) each.close();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      throw new TranshipError('guest.image', `${path} is being converted by another process`);
    }
    held.push(server);
  }
  return held;
}

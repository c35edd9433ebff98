import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { Media } from '../domain/windows/facts.ts';
import { chooseFiles } from '../domain/windows/media.ts';

const maxFiles = 50_000;

/** Reads from a virtio-win tree what goes into the Windows that it calls so; where there is no tree, all is absent. */
export function readMedia(folder: string, windows: string): Media {
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  const paths = entries
    .filter((entry) => entry.isFile())
    .slice(0, maxFiles)
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const { drivers, agent, ...absent } = chooseFiles(paths, windows);
  const read = (path: string) => readFileSync(join(folder, path));
  return {
    ...absent,
    drivers: new Map([...drivers].map(([name, path]) => [name, read(path)])),
    ...(agent === undefined ? {} : { agent: { name: basename(agent).toLowerCase(), content: read(agent) } }),
  };
}

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Flushes a file, or a folder's entries, to the medium. */
export function flush(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Writes a file that is there wholly or not at all, whatever happens. */
export function writeDurable(path: string, text: string): void {
  const temporary = `${path}.new`;
  const handle = openSync(temporary, 'w');
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, path);
  flush(dirname(path));
}

export function removeDurable(path: string): void {
  rmSync(path, { force: true });
  flush(dirname(path));
}

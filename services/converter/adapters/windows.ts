import { closeSync, openSync } from 'node:fs';
import { type NtfsState, ntfsState } from '../domain/windows/windows.ts';
import type { Probe } from './disks.ts';
import { reader } from './undo.ts';

/** What the NTFS volumes of a VM tell of themselves. */
export const ntfsStates = ({ disks }: Probe): NtfsState[] =>
  disks.flatMap(({ path, volumes }) => {
    const own = volumes.filter(({ fileSystem }) => fileSystem?.kind === 'ntfs');
    if (own.length === 0) return [];
    const handle = openSync(path, 'r');
    try {
      return own.map((volume) => ntfsState(volume, reader(handle)));
    } finally {
      closeSync(handle);
    }
  });

import { type NtfsState, ntfsState } from '../domain/windows/windows.ts';
import type { Probe } from './disks.ts';
import { openReader } from './reading.ts';

/** What the NTFS volumes of a VM tell of themselves. */
export const ntfsStates = ({ disks }: Probe): NtfsState[] =>
  disks.flatMap(({ path, volumes }) => {
    const own = volumes.filter(({ fileSystem }) => fileSystem?.kind === 'ntfs');
    if (own.length === 0) return [];
    const { read, close } = openReader(path);
    try {
      return own.map((volume) => ntfsState(volume, read));
    } finally {
      close();
    }
  });

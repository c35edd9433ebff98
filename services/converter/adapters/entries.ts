import type { Entry } from '../ports.ts';

const typeBits = 0o170000;
export const isFile = ({ mode }: Entry) => (mode & typeBits) === 0o100000;
export const isLink = ({ mode }: Entry) => (mode & typeBits) === 0o120000;

/** A file or folder as a file system without owners and modes has it. */
interface Bare {
  readonly name: string;
  readonly folder: boolean;
  readonly size: number;
}
const [folderMode, fileMode] = [0o040755, 0o100644];

/** The entries of those folders that are there, `list` giving what is in one. */
export const bareEntries = (
  folders: readonly string[],
  list: (folder: string) => readonly Bare[] | undefined,
): Map<string, Entry[]> =>
  new Map(
    folders.flatMap((path) => {
      const entries = list(path)?.map(
        ({ name, folder, size }): Entry => ({
          ...{ name, mode: folder ? folderMode : fileMode, uid: 0, gid: 0 },
          size: folder ? 0 : size,
        }),
      );
      return entries ? [[path, entries] as const] : [];
    }),
  );

import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';

/** What the ledger needs of a file. */
export interface LedgerFile {
  read(buffer: Buffer, at: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(buffer: Buffer, at: number, length: number, position: number): Promise<unknown>;
  truncate(size: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** What the ledger needs of a file system; tests put one in its place that loses what is not synced. */
export interface Files {
  open(path: string, flags: 'r' | 'r+' | 'w+'): Promise<LedgerFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Which file it is, and how long; undefined: none. */
  look(path: string): Promise<{ ino: number; size: number } | undefined>;
  /** Makes names last. */
  syncFolder(path: string): Promise<void>;
  /** Names the life of this machine's kernel: while it is the same, nothing that was written is lost, synced or not. */
  boot(): Promise<string>;
}

export const systemFiles: Files = {
  open,
  rename,
  remove: (path) => rm(path, { force: true }),
  look: (path) => stat(path).catch(() => undefined),
  syncFolder: async (path) => {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  },
  boot: () =>
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
      (id) => id.trim(),
      () => randomUUID(),
    ),
};

export async function openOrMake(files: Files, name: string): Promise<LedgerFile> {
  return files.open(name, (await files.look(name)) ? 'r+' : 'w+');
}

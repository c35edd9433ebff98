import { closeSync, existsSync, openSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import type { Read } from '../domain/read.ts';
import { openNbd } from './nbd/reader.ts';
import { reader } from './undo.ts';

export interface Reading {
  readonly read: Read;
  close(): void;
}

/** Whether it names an NBD export: `nbd://HOST[:PORT]/EXPORT`, or `nbd+unix:///EXPORT?socket=PATH`. */
export const isRemote = (path: string) => /^nbd(\+unix)?:\/\//.test(path);

/** Opens a disk to be read: a file, a device, or an NBD export. */
export function openReader(path: string): Reading {
  if (isRemote(path)) return { read: openNbd(path).read, close: () => {} };
  if (!existsSync(path)) throw new TranshipError('guest.conversion', `there is no ${path}`);
  const handle = openSync(path, 'r');
  return { read: reader(handle), close: () => closeSync(handle) };
}

/** The size of an NBD export, in bytes. */
export const sizeOf = (uri: string): number => openNbd(uri).size;

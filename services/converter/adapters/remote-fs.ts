import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { BadExt } from '../domain/ext-reader/blocks.ts';
import { Ext, isPlain } from '../domain/ext-reader/ext.ts';
import type { Attributes, Entry, WritableFs } from '../ports.ts';
import type { Place } from './ext-fs.ts';
import { openReader } from './reading.ts';
import { writeAll } from './undo.ts';

const pieceBytes = 1024 ** 2;

/** An ext file system that no tool here can open, for it is no file: read by our own hand, where it is asked for. */
export class RemoteExtFs implements WritableFs {
  readonly #place: Place;
  readonly #scratch: string;

  constructor(place: Place, scratch: string) {
    this.#place = place;
    this.#scratch = scratch;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return this.#with(
      (ext) =>
        new Map(
          folders.flatMap((folder) => {
            const entries = ext.list(folder);
            return entries ? [[folder, [...entries].map(([name, node]) => ({ name, ...node }))] as const] : [];
          }),
        ),
    );
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'dump-'));
    try {
      const copies = this.#with((ext) =>
        files.flatMap((file, i) => {
          const node = ext.find(file, false);
          if (!node || !isPlain(node) || node.size > maxBytes) return [];
          const to = openSync(join(folder, String(i)), 'w');
          try {
            for (let at = 0; at < node.size; at += pieceBytes) writeAll(to, ext.content(node, at, pieceBytes), at);
          } finally {
            closeSync(to);
          }
          return [[file, join(folder, String(i))] as const];
        }),
      );
      return { folder, files: new Map(copies) };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** They are kept by who writes; here nothing is written. */
  async attributes(): Promise<Map<string, Attributes>> {
    return new Map();
  }

  async write(): Promise<void> {
    throw new TranshipError('guest.image', `${this.#place.path} is looked at only`);
  }

  async check(): Promise<undefined> {
    return undefined;
  }

  #with<T>(use: (ext: Ext) => T): T {
    const { read, close } = openReader(this.#place.path);
    try {
      return use(new Ext(read, this.#place.offset));
    } catch (error) {
      // As the tools say it that read a file.
      if (error instanceof BadExt)
        throw new TranshipError('guest.conversion', `the file system cannot be read: ${error.message}`);
      throw error;
    } finally {
      close();
    }
  }
}

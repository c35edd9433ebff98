import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { leafBytes, sumBytes } from './leaves.ts';

/** What a ledger is bound to: with any of it changed, it is another disk's. */
export interface Binding {
  readonly vm: string;
  readonly disk: number;
  readonly key: number;
  readonly file: string;
  readonly sizeBytes: number;
  readonly pass: number;
}

/** How far a pass has come. All below `doneBytes` is in the target, flushed, and its leaves are on disk. */
export interface Head {
  readonly doneBytes: number;
  /** Read from the source so far, over all attempts. */
  readonly readBytes: number;
  /** The root, once the pass is finished. */
  readonly root?: string;
}

const start: Head = { doneBytes: 0, readBytes: 0 };

/**
 * The ledger of one disk's pass: `disk-<i>.ledger`, its head, written whole and by rename, with a checksum of its own; and
 * `disk-<i>.leaves`, the sums, at their places. A head that cannot be read, or is another disk's, is as none.
 */
export class Ledger {
  readonly #binding: Binding;
  readonly #path: string;
  readonly #leaves: FileHandle;
  #head: Head;

  private constructor(binding: Binding, path: string, leaves: FileHandle, head: Head) {
    this.#binding = binding;
    this.#path = path;
    this.#leaves = leaves;
    this.#head = head;
  }

  static async open(scratch: string, binding: Binding): Promise<Ledger> {
    const path = join(scratch, `disk-${binding.disk}.ledger`);
    const diverged = existsSync(divergedFile(scratch, binding.disk));
    const head = diverged ? undefined : await readHead(path, binding);
    if (!head) {
      await rm(path, { force: true });
      await rm(divergedFile(scratch, binding.disk), { force: true });
    }
    const leaves = await open(join(scratch, `disk-${binding.disk}.leaves`), head ? 'r+' : 'w+');
    return new Ledger(binding, path, leaves, head ?? start);
  }

  get head(): Head {
    return this.#head;
  }

  /** Puts sums at their place; they count from the next {@link advance} on. */
  async putLeaves(offset: number, sums: Buffer): Promise<void> {
    await this.#leaves.write(sums, 0, sums.length, (offset / leafBytes) * sumBytes);
  }

  /** The sums from `offset` on, at most `leaves` of them. */
  async getLeaves(offset: number, leaves: number): Promise<Buffer> {
    const sums = Buffer.alloc(leaves * sumBytes);
    const { bytesRead } = await this.#leaves.read(sums, 0, sums.length, (offset / leafBytes) * sumBytes);
    return sums.subarray(0, bytesRead);
  }

  /** Call after the target was flushed. */
  async advance(head: Head): Promise<void> {
    await this.#leaves.datasync();
    const body = JSON.stringify({ version: 1, ...this.#binding, ...head });
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(`${crc32c(body)} ${body}`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    this.#head = head;
  }

  async close(): Promise<void> {
    await this.#leaves.close();
  }
}

const divergedFile = (scratch: string, disk: number) => join(scratch, `disk-${disk}.diverged`);

/** From now on the disk is no copy: written before its first change by anyone but the copy. */
export async function markDiverged(scratch: string, disk: number): Promise<void> {
  const file = await open(divergedFile(scratch, disk), 'w');
  await file.sync();
  await file.close();
}

async function readHead(path: string, binding: Binding): Promise<Head | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const space = text.indexOf(' ');
    const body = text.slice(space + 1);
    if (Number(text.slice(0, space)) !== crc32c(body)) return undefined;
    const { version, doneBytes, readBytes, root, ...bound } = JSON.parse(body);
    const same = version === 1 && Object.entries(binding).every(([key, value]) => bound[key] === value);
    return same ? { doneBytes, readBytes, ...(root === undefined ? {} : { root }) } : undefined;
  } catch {
    return undefined;
  }
}

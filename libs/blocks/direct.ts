import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TranshipError } from '@tranship/contracts';
import { isAligned, pageBytes } from './arena.ts';

export const openDirect = (path: string): Promise<FileHandle | undefined> =>
  open(path, constants.O_RDWR | constants.O_DIRECT).catch(() => undefined);

type Transfer = (file: FileHandle, offset: number, data: Buffer) => Promise<void>;

/** An open disk: whole pages go past the cache where that can be, what is less (a disk's odd end) through it. */
export class DirectFile {
  readonly #path: string;
  readonly #size: number;
  readonly #file: FileHandle;
  readonly #direct: FileHandle | undefined;
  /** Set once direct I/O is not to be had: all goes through the cache, after this. */
  #buffered: Promise<void> | undefined;
  #forgotten = false;

  constructor(path: string, size: number, file: FileHandle, direct: FileHandle | undefined) {
    this.#path = path;
    this.#size = size;
    this.#file = file;
    this.#direct = direct;
    this.#buffered = direct ? undefined : Promise.resolve();
  }

  read(offset: number, target: Buffer): Promise<void> {
    return this.#whole(offset, target, (file, at, part) => readAll(file, at, part, this.#path));
  }

  write(offset: number, data: Buffer): Promise<void> {
    return this.#whole(offset, data, writeAll);
  }

  /** After a flush. @throws TranshipError `transfer.cached` */
  async forget(): Promise<void> {
    this.#forgotten = true;
    if (this.#buffered || this.#size % pageBytes > 0) await this.#dropCache();
  }

  async close(): Promise<void> {
    await Promise.all([this.#file.close(), this.#direct?.close()]);
  }

  async #whole(offset: number, data: Buffer, io: Transfer): Promise<void> {
    const whole = offset % pageBytes === 0 && isAligned(data) ? data.length - (data.length % pageBytes) : 0;
    const done = whole > 0 && (await this.#directly((file) => io(file, offset, data.subarray(0, whole)))) ? whole : 0;
    if (done < data.length) await io(this.#file, offset + done, data.subarray(done));
  }

  /** False where it is to be done through the cache. A file system may take O_DIRECT at the open, and refuse it here. */
  async #directly(io: (file: FileHandle) => Promise<void>): Promise<boolean> {
    try {
      if (!this.#buffered) {
        await io(this.#direct!);
        return true;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      // What was to be forgotten may be in the cache still: with direct I/O that did not matter.
      this.#buffered ??= this.#forgotten ? this.#dropCache() : Promise.resolve();
    }
    await this.#buffered;
    return false;
  }

  /** Node cannot ask the kernel for that. A proof without it would read what was written from memory. */
  async #dropCache(): Promise<void> {
    if (await run('dd', [`if=${this.#path}`, 'iflag=nocache', 'count=0', 'status=none'])) return;
    throw new TranshipError('transfer.cached', `dd could not drop what is cached of ${this.#path}`);
  }
}

async function writeAll(file: FileHandle, offset: number, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; ) at += (await file.write(data, at, data.length - at, offset + at)).bytesWritten;
}

async function readAll(file: FileHandle, offset: number, target: Buffer, path: string): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await file.read(target, at, target.length - at, offset + at);
    if (bytesRead === 0) throw new TranshipError('transfer.proof', `${path} ends at ${offset + at}`);
    at += bytesRead;
  }
}

const programMs = 120_000;

/** Whether a helper program did what it was asked. */
export async function run(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(program, args, { stdio: 'ignore', timeout: programMs });
  const [code] = await once(child, 'exit').catch(() => [1]);
  return code === 0;
}

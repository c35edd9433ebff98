import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { TranshipError } from '@tranship/contracts';
import type { Area } from './areas.ts';
import { pages } from './arena.ts';
import { DirectFile, openDirect, run } from './direct.ts';

/** Where a disk is copied to. */
export interface Sink {
  readonly path: string;
  /** It was not there before, or had another size: nothing that is known of it holds. */
  readonly isNew: boolean;
  /** It may hold more than zeros. */
  readonly holdsData: boolean;
  /** What was written is there although we end: this machine's kernel has it. Else it is only after a flush. */
  readonly outlivesUs: boolean;
  /** So many zeros and more are given back to the storage behind it, which is asked for; undefined: it is not. */
  readonly discardBytes?: number | undefined;
  /** Gives up all from `offset` on; true where that reads as zeros from now on. */
  clearFrom(offset: number): Promise<boolean>;
  read(offset: number, target: Buffer): Promise<void>;
  write(offset: number, data: Buffer): Promise<void>;
  /** Makes the range read as zeros, whatever it holds. */
  zero(offset: number, length: number): Promise<void>;
  flush(): Promise<void>;
  /** What reads as zeros without being read, where that is known: in order, without gaps. */
  extents?(offset: number, length: number): Promise<readonly Area[]>;
  /** So that what is read next comes from the disk, not from memory. @throws TranshipError `transfer.cached` */
  forget(): Promise<void>;
  close(): Promise<void>;
}

const zeros = pages(1024 * 1024);
/** From here on a helper program is quicker than writing zeros: Node can punch no hole. */
const punchBytes = 32 * 1024 * 1024;

/** A raw file, or a block device; with direct I/O where it can. */
export class Disk implements Sink {
  readonly path: string;
  readonly isNew: boolean;
  readonly holdsData: boolean;
  readonly outlivesUs = true;
  readonly discardBytes: number | undefined;
  readonly #size: number;
  readonly #file: FileHandle;
  readonly #isFile: boolean;
  readonly #io: DirectFile;

  private constructor(path: string, size: number, file: FileHandle, direct: FileHandle | undefined, was: Was) {
    this.path = path;
    this.#size = size;
    this.#file = file;
    this.#io = new DirectFile(path, size, file, direct);
    this.isNew = was.isNew;
    this.#isFile = was.isFile;
    this.discardBytes = was.discards ? punchBytes : undefined;
    this.holdsData = was.holdsData;
  }

  /** A file of exactly `sizeBytes`, made when it is not there. Group-writable: the VM's QEMU opens it by group. */
  static async file(path: string, sizeBytes: number, direct = openDirect): Promise<Disk> {
    return guard(path, async () => {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o660);
      await file.chmod(0o660);
      const { size, blocks } = await file.stat();
      if (size !== sizeBytes) await file.truncate(sizeBytes);
      const was = { isNew: size !== sizeBytes, isFile: true, holdsData: blocks > 0 };
      return new Disk(path, sizeBytes, file, await direct(path), was);
    });
  }

  /** `discard`: what is zeroed is given back to the storage behind it, where that can. */
  static async device(path: string, sizeBytes: number, { discard = false } = {}): Promise<Disk> {
    const file = await guard(path, () => open(path, 'r+'));
    try {
      const has = await deviceBytes(file);
      if (has < sizeBytes)
        throw new TranshipError('transfer.write', `${path} has ${has} bytes, the disk needs ${sizeBytes}`, {
          retry: false,
        });
      const was = { isNew: false, isFile: false, holdsData: true, discards: discard };
      return new Disk(path, sizeBytes, file, await openDirect(path), was);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** A file that must be there, to be read. @throws TranshipError `transfer.proof` where it is not as long as it must be */
  static async existing(path: string, sizeBytes: number, direct = openDirect): Promise<Disk> {
    const file = await guard(path, () => open(path, 'r+'));
    const { size, blocks } = await file.stat();
    if (size === sizeBytes)
      return new Disk(path, size, file, await direct(path), { isNew: false, isFile: true, holdsData: blocks > 0 });
    await file.close();
    throw new TranshipError('transfer.proof', `${path} has ${size} bytes, the disk ${sizeBytes}`, { retry: false });
  }

  async clearFrom(offset: number): Promise<boolean> {
    if (!this.#isFile) return false;
    await guard(this.path, async () => {
      await this.#file.truncate(offset);
      await this.#file.truncate(this.#size);
    });
    return true;
  }

  write(offset: number, data: Buffer): Promise<void> {
    return guard(this.path, () => this.#io.write(offset, data));
  }

  read(offset: number, target: Buffer): Promise<void> {
    return guard(this.path, () => this.#io.read(offset, target));
  }

  async zero(offset: number, length: number): Promise<void> {
    if (length >= punchBytes && (await this.#punch(offset, length))) return;
    for (let at = 0; at < length; at += zeros.length)
      await this.write(offset + at, zeros.subarray(0, Math.min(zeros.length, length - at)));
  }

  flush(): Promise<void> {
    return guard(this.path, () => this.#file.datasync());
  }

  async forget(): Promise<void> {
    await this.flush();
    await this.#io.forget();
  }

  close(): Promise<void> {
    return this.#io.close();
  }

  /** In both ways it reads as zeros. */
  async #punch(offset: number, length: number): Promise<boolean> {
    const range = ['-o', String(offset), '-l', String(length), this.path];
    if ((this.#isFile || this.discardBytes) && (await run('fallocate', ['-p', ...range]))) return true;
    return !this.#isFile && run('blkdiscard', ['-z', ...range]);
  }
}

interface Was {
  readonly isNew: boolean;
  readonly isFile: boolean;
  readonly holdsData: boolean;
  readonly discards?: boolean;
}

/** In /sys in sectors of 512 bytes, whatever the device's own. */
async function deviceBytes(file: FileHandle): Promise<number> {
  const stat = await file.stat();
  if (!stat.isBlockDevice()) return stat.size;
  const [major, minor] = [(stat.rdev >> 8) & 0xfff, (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00)];
  return Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * 512;
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TranshipError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw new TranshipError(full ? 'target.full' : 'transfer.write', `${path}: ${message}`, { cause: error });
  }
}

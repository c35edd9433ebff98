import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { TranshipError } from '@tranship/contracts';

/** The target disk: a raw file or a block device. */
export class Disk {
  readonly path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /**
   * A file of exactly `sizeBytes` whose first `keepBytes` stay as they are; what follows reads as zeros. Group-writable:
   * the VM's QEMU opens it by group.
   */
  static async file(path: string, sizeBytes: number, keepBytes: number): Promise<Disk> {
    return guard(path, async () => {
      const file = await open(path, keepBytes > 0 ? 'r+' : 'w+');
      await file.chmod(0o660);
      if (keepBytes < sizeBytes) await file.truncate(keepBytes);
      await file.truncate(sizeBytes);
      return new Disk(path, file);
    });
  }

  static async device(path: string): Promise<Disk> {
    return guard(path, async () => new Disk(path, await open(path, 'r+')));
  }

  write(data: Buffer, offset: number): Promise<void> {
    return guard(this.path, async () => {
      for (let at = 0; at < data.length; ) {
        const { bytesWritten } = await this.#file.write(data, at, data.length - at, offset + at);
        at += bytesWritten;
      }
    });
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const data = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await this.#file.read(data, at, length - at, offset + at);
      if (bytesRead === 0) throw new TranshipError('transfer.proof', `${this.path} ends at ${offset + at}`);
      at += bytesRead;
    }
    return data;
  }

  flush(): Promise<void> {
    return guard(this.path, () => this.#file.datasync());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Drops the page cache of a file, so that what is read next comes from the disk. Node has no posix_fadvise; coreutils do. */
export async function dropCache(path: string): Promise<void> {
  const child = spawn('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], {
    stdio: 'ignore',
    timeout: 60_000,
  });
  await once(child, 'exit');
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TranshipError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'target.full' : 'transfer.write',
      `${path}: ${message}`,
      { cause: error },
    );
  }
}

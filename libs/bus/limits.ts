import { buckets, type Limit } from '@tranship/contracts';
import { Bucket } from './bucket.ts';
import type { Connection } from './connection.ts';

/** What each workbench may read of its source, by its migration and VM: the last word counts. */
export class Limits {
  readonly #bucket: Bucket<Limit>;

  constructor(connection: Connection) {
    this.#bucket = new Bucket(connection, buckets.limits);
  }

  /** Bytes a second; null where nothing limits it. */
  async get(migration: string, vm: string): Promise<number | null> {
    return (await this.#bucket.get(migration, vm)).value?.bytesPerSecond ?? null;
  }

  async put(migration: string, vm: string, bytesPerSecond: number | null): Promise<void> {
    await this.#bucket.put([migration, vm], { bytesPerSecond });
  }
}

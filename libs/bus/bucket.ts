import { type KV, Kvm } from '@nats-io/kv';
import { type BucketName, bucketKey } from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { call, isWrongLastSequence } from './errors.ts';

/** An entry; `revision` grows with every write of the bucket. Of a key that was never written: null, 0. */
export interface Entry<T> {
  readonly value: T | null;
  readonly revision: number;
}

/** A key-value bucket, written with the expected revision. */
export class Bucket<T> {
  readonly #name: BucketName;
  readonly #kv: Promise<KV>;

  constructor({ js }: Connection, name: BucketName) {
    this.#name = name;
    // Bound by its name: no call to the server.
    this.#kv = new Kvm(js).open(name, { allow_direct: true });
  }

  async get(...key: string[]): Promise<Entry<T>> {
    const kv = await this.#kv;
    const entry = await call(`read ${this.#name}`, kv.get(bucketKey(...key)));
    return entry === null ? { value: null, revision: 0 } : { value: entry.json<T>(), revision: entry.revision };
  }

  /** The new revision; undefined when the key is past the expected one. Without one it is written whatever there is. */
  async put(key: readonly string[], value: T | null, expected?: number): Promise<number | undefined> {
    const kv = await this.#kv;
    const options = expected === undefined ? {} : { previousSeq: expected };
    try {
      return await call(`write ${this.#name}`, kv.put(bucketKey(...key), JSON.stringify(value), options));
    } catch (error) {
      if (isWrongLastSequence(error)) return undefined;
      throw error;
    }
  }
}

import { createHash } from 'node:crypto';
import { StorageType } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { TranshipError } from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { call } from './errors.ts';

const bucket = 'tranship';
/** Of one object, however large: a reader whose server goes away would wait for ever. */
const objectMs = 60_000;

/** What is too large for a message, by the digest of its bytes: it never changes, and the same is kept once. */
export class Objects {
  readonly #connection: Connection;
  #opened: Promise<ObjectStore> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Keeps the bytes and gives their name, which is their SHA-256 in hex. What is there already is not written again. */
  async put(data: string | Uint8Array): Promise<string> {
    const bytes = Buffer.from(data);
    const name = digest(bytes);
    await this.#run(`put ${name}`, async (store) => {
      const known = await store.info(name);
      if (!known || known.deleted) await store.putBlob({ name }, bytes);
    });
    return name;
  }

  /** @throws TranshipError `document.not-found`, and `service.unavailable` where NATS, or what it holds, is not whole */
  async get(name: string): Promise<Uint8Array> {
    const bytes = await this.#run(`get ${name}`, (store) => store.getBlob(name));
    if (bytes === null) throw new TranshipError('document.not-found', `there is no object ${name}`);
    if (digest(bytes) !== name) throw new TranshipError('service.unavailable', `the object ${name} is not whole`);
    return bytes;
  }

  async #run<T>(what: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(objectMs);
    const passed = new Promise<never>((_, reject) => {
      const fail = () => reject(new TranshipError('service.unavailable', `NATS does not answer: ${what}`));
      late.addEventListener('abort', fail, { once: true });
    });
    return Promise.race([call(what, this.#open().then(work)), passed]);
  }

  /** Made by whoever comes first; a failure is tried again with the next object. */
  #open(): Promise<ObjectStore> {
    this.#opened ??= new Objm(this.#connection.js).create(bucket, { storage: StorageType.File }).catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

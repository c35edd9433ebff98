import { createHash } from 'node:crypto';
import { StorageType } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { TranshipError } from '@tranship/contracts';
import type { Connection } from './connection.ts';
import { call } from './errors.ts';

const bucket = 'tranship';
const stream = `OBJ_${bucket}`;
/** What the store knows of objects lies at subjects whose last part is their names in base64url. */
const known = `$O.${bucket}.M.*`;
const nameOf = (subject: string) => Buffer.from(subject.slice(subject.lastIndexOf('.') + 1), 'base64url').toString();
/** Of one object, however large: a reader whose server goes away would wait for ever. */
const objectMs = 60_000;

/** The VM for whose sake an object is kept: with its course it goes, unless it is evidence of what was seen. */
export interface Owner {
  readonly migration: string;
  readonly vm: string;
  readonly evidence?: true;
}

/** What is too large for a message, by its owner and the digest of its bytes: it never changes, and the same is kept once. */
export class Objects {
  readonly #connection: Connection;
  #opened: Promise<ObjectStore> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Keeps the bytes and gives their name, `<migration>/<vm>/<SHA-256 in hex>`, below `evidence/` where it is that. What is there already is not written again. */
  async put(data: string | Uint8Array, owner: Owner): Promise<string> {
    const bytes = Buffer.from(data);
    const name = prefix(owner) + digest(bytes);
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
    if (digest(bytes) !== name.slice(name.lastIndexOf('/') + 1))
      throw new TranshipError('service.unavailable', `the object ${name} is not whole`);
    return bytes;
  }

  /** Removes what is kept for an owner, but for what is named. Gives the names of what was removed. */
  async prune(owner: Owner, but: ReadonlySet<string> = new Set()): Promise<string[]> {
    return this.#run(`remove what is kept for ${prefix(owner)}`, async (store) => {
      const { jsm } = this.#connection;
      const { state } = await jsm.streams.info(stream, { subjects_filter: known });
      const all = Object.keys(state.subjects ?? {}).map((subject) => ({ subject, name: nameOf(subject) }));
      const gone = all.filter(({ name }) => name.startsWith(prefix(owner)) && !but.has(name));
      for (const { subject, name } of gone) {
        await store.delete(name);
        // The store itself would keep a mark of it for ever.
        await jsm.streams.purge(stream, { filter: subject });
      }
      return gone.map(({ name }) => name);
    });
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

const prefix = ({ migration, vm, evidence }: Owner) => `${evidence ? 'evidence/' : ''}${migration}/${vm}/`;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

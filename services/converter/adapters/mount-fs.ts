import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { commitLayer, differences } from './layer.ts';
import { attributesOf, sent } from './mount/messages.ts';
import { type Region, Session } from './mount/session.ts';

/**
 * A file system that only a kernel can write, mounted in a namespace of its own over an overlay: what it changed goes to
 * the disk afterwards, block by block, under the undo log as everything else.
 */
export class MountFs implements WritableFs {
  readonly #region: Region;
  readonly #type: string;
  readonly #scratch: string;
  readonly #signal: AbortSignal;
  #session: Promise<Session> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(region: Region, type: string, scratch: string, signal: AbortSignal) {
    this.#region = region;
    this.#type = type;
    this.#scratch = scratch;
    this.#signal = signal;
  }

  list(paths: readonly string[]): Promise<Map<string, Entry[]>> {
    return this.#inTurn(async (session) => new Map(await session.ask({ do: 'list', paths })));
  }

  dump(paths: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    return this.#inTurn(async (session) => {
      const { folder, files } = await session.ask({ do: 'dump', paths, maxBytes });
      return { folder, files: new Map(files) };
    });
  }

  attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    return this.#inTurn(async (session) => {
      const found = await session.ask({ do: 'attributes', paths });
      return new Map(found.map(([path, own]) => [path, attributesOf(own)]));
    });
  }

  write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    return this.#inTurn(async (session) => {
      await session.ask({ do: 'write', targets: sent(targets) });
      await session.end();
      this.#session = undefined;
      const changed = await differences(session.layer, this.#signal);
      commitLayer(session.layer, changed, undoLog);
      session.remove();
    });
  }

  /** It is mounted once more to be read back: what the kernel would not mount shows there. */
  async check(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.end();
    session?.remove();
  }

  /** One request after the other: they share a line. */
  #inTurn<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const work = this.#turn.then(async () => {
      this.#session ??= Session.open(this.#region, this.#type, this.#scratch, this.#signal);
      return use(await this.#session);
    });
    this.#turn = work.catch(() => {});
    return work;
  }
}

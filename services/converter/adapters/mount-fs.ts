import { closeSync, openSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { attributesOf, sent } from './mount/messages.ts';
import { type Region, Session } from './mount/session.ts';
import { run } from './run.ts';
import { reader, rewrite, type Stretch } from './undo.ts';

const mapMs = 60_000;
const mapSchema = z.array(
  z.object({
    start: z.number(),
    length: z.number(),
    depth: z.number(),
    zero: z.boolean(),
    present: z.boolean().optional(),
    offset: z.number().optional(),
  }),
);
const maxStretch = 1024 ** 2;

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

  dump(paths: readonly string[]): Promise<{ folder: string; files: Map<string, string> }> {
    return this.#inTurn(async (session) => {
      const { folder, files } = await session.ask({ do: 'dump', paths });
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
      await this.#apply(session.overlay, undoLog);
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

  async #apply(overlay: string, undoLog: string): Promise<void> {
    const { path: disk, offset: start } = this.#region;
    const changed = await this.#changed(overlay);
    const from = openSync(overlay, 'r');
    try {
      const read = reader(from);
      rewrite(undoLog, { disk, start }, changed, ({ length, from: at }) =>
        at === undefined ? Buffer.alloc(length) : read(at, length),
      );
    } finally {
      closeSync(from);
    }
  }

  /** The stretches that the overlay holds itself; `from`: where in its file, undefined: zeros. */
  async #changed(overlay: string): Promise<(Stretch & { from: number | undefined })[]> {
    const args = ['map', '--output=json', overlay];
    const { code, stdout, stderr } = await run('qemu-img', args, { deadlineMs: mapMs, signal: this.#signal });
    if (code !== 0) throw new TranshipError('guest.conversion', `qemu-img: ${stderr.trim()}`);
    return mapSchema
      .parse(JSON.parse(stdout))
      .filter(({ depth, present }) => depth === 0 && present !== false)
      .flatMap(({ start, length, zero, offset }) =>
        Array.from({ length: Math.ceil(length / maxStretch) }, (_, i) => ({
          at: start + i * maxStretch,
          length: Math.min(maxStretch, length - i * maxStretch),
          from: zero || offset === undefined ? undefined : offset + i * maxStretch,
        })),
      );
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

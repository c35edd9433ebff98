import type { Files, LedgerFile } from '../files.ts';
import type { Sink } from '../sink.ts';

const sector = 4096;

/** Ends everything at once after so many calls, as a power cut does. */
export class Fuse {
  left = Number.POSITIVE_INFINITY;

  burn(): void {
    if (this.left-- <= 0) throw new Error('the power is gone');
  }
}

interface Change {
  readonly at: number;
  /** Undefined: cut off here. */
  readonly data?: Buffer;
}

/** Bytes of which any part that is not synced may be lost. */
class Fragile {
  now: Buffer;
  #safe: Buffer;
  #changes: Change[] = [];

  constructor(bytes: Buffer) {
    [this.now, this.#safe] = [Buffer.from(bytes), Buffer.from(bytes)];
  }

  change(change: Change): void {
    this.now = apply(this.now, change);
    if (!change.data) this.#changes.push(change);
    for (let at = 0; change.data && at < change.data.length; at += sector)
      this.#changes.push({ at: change.at + at, data: Buffer.from(change.data.subarray(at, at + sector)) });
  }

  sync(): void {
    for (const change of this.#changes) this.#safe = apply(this.#safe, change);
    this.#changes = [];
  }

  cut(random: () => number): void {
    for (const change of this.#changes) if (random() < 0.5) this.#safe = apply(this.#safe, change);
    [this.now, this.#changes] = [Buffer.from(this.#safe), []];
  }
}

function apply(bytes: Buffer, { at, data }: Change): Buffer {
  if (!data)
    return at <= bytes.length ? bytes.subarray(0, at) : Buffer.concat([bytes, Buffer.alloc(at - bytes.length)]);
  const grown =
    bytes.length >= at + data.length ? bytes : Buffer.concat([bytes, Buffer.alloc(at + data.length - bytes.length)]);
  data.copy(grown, at);
  return grown;
}

/** A target that forgets what was not flushed. */
export class FragileSink implements Sink {
  readonly path = 'target';
  isNew = false;
  readonly outlivesUs = true;
  readonly #disk: Fragile;
  readonly #fuse: Fuse;

  constructor(bytes: Buffer, fuse: Fuse) {
    this.#disk = new Fragile(bytes);
    this.#fuse = fuse;
  }

  get bytes(): Buffer {
    return this.#disk.now;
  }
  get holdsData(): boolean {
    return !this.bytes.equals(Buffer.alloc(this.bytes.length));
  }
  cut(random: () => number): void {
    this.#disk.cut(random);
  }
  async clearFrom(offset: number) {
    this.#fuse.burn();
    await this.zero(offset, this.bytes.length - offset);
    return true;
  }
  async read(offset: number, target: Buffer) {
    this.bytes.copy(target, 0, offset, offset + target.length);
  }
  async write(offset: number, data: Buffer) {
    this.#fuse.burn();
    this.#disk.change({ at: offset, data });
  }
  async zero(offset: number, length: number) {
    await this.write(offset, Buffer.alloc(length));
  }
  async flush() {
    this.#fuse.burn();
    this.#disk.sync();
  }
  async forget() {}
  async close() {}
}

interface Node {
  readonly ino: number;
  readonly content: Fragile;
}

/** A file system that forgets what was not synced, names too (of those, what came last). */
export class FragileFiles implements Files {
  #names = new Map<string, Node>();
  #safeNames = new Map<string, Node>();
  #history: Map<string, Node>[] = [];
  #next = 1;
  #boots = 0;
  readonly #fuse: Fuse;

  constructor(fuse: Fuse) {
    this.#fuse = fuse;
  }

  async boot() {
    return `boot ${this.#boots}`;
  }

  cut(random: () => number): void {
    this.#boots++;
    const states = [this.#safeNames, ...this.#history];
    this.#names = new Map(states[Math.floor(random() * states.length)]);
    this.#keepNames();
    for (const { content } of this.#names.values()) content.cut(random);
  }

  async open(path: string, flags: 'r' | 'r+' | 'w+'): Promise<LedgerFile> {
    this.#fuse.burn();
    let node = this.#names.get(path);
    if (!node) {
      if (flags !== 'w+') throw new Error(`there is no ${path}`);
      node = { ino: this.#next++, content: new Fragile(Buffer.alloc(0)) };
      this.#rename(() => this.#names.set(path, node!));
    } else if (flags === 'w+') node.content.change({ at: 0 });
    const { content } = node;
    return {
      read: async (buffer, at, length, position) => ({
        bytesRead: content.now.subarray(position, position + length).copy(buffer, at),
      }),
      write: async (buffer, at, length, position) => {
        this.#fuse.burn();
        content.change({ at: position, data: Buffer.from(buffer.subarray(at, at + length)) });
      },
      truncate: async (size) => content.change({ at: size }),
      datasync: async () => {
        this.#fuse.burn();
        content.sync();
      },
      close: async () => {},
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#fuse.burn();
    this.#rename(() => {
      this.#names.set(to, this.#names.get(from)!);
      this.#names.delete(from);
    });
  }

  async remove(path: string): Promise<void> {
    this.#fuse.burn();
    this.#rename(() => this.#names.delete(path));
  }

  async look(path: string) {
    const node = this.#names.get(path);
    return node && { ino: node.ino, size: node.content.now.length };
  }

  async syncFolder(): Promise<void> {
    this.#fuse.burn();
    this.#keepNames();
  }

  #rename(change: () => void): void {
    change();
    this.#history.push(new Map(this.#names));
  }

  #keepNames(): void {
    [this.#safeNames, this.#history] = [new Map(this.#names), []];
  }
}

import { leafBytes } from '@tranship/contracts';

export interface Extent {
  readonly offset: number;
  readonly length: number;
  /** Known to read as zeros. */
  readonly zero: boolean;
}

type Kept = { -readonly [K in keyof Extent]: Extent[K] };

/** Kept of one window. More, and what lies close together is taken for one. */
export const maxExtents = 128 * 1024;
/** Nobody allocates less; a server may tell so many more all the same. */
const sector = 512;
const spare = 64 * 1024;

/**
 * What a server tells of one window, in bounded memory whatever it tells: equal ones are one, and zeros between data that
 * are shorter than a leaf, or than it takes to keep few, are data. Data may be called so without harm.
 */
export class Told {
  readonly #end: number;
  #at: number;
  #left: number;
  #grain = leafBytes;
  #kept: Kept[] = [];

  constructor(offset: number, length: number) {
    this.#at = offset;
    this.#end = offset + length;
    this.#left = spare + Math.ceil(length / sector);
  }

  /** Up to where it is told. */
  get at(): number {
    return this.#at;
  }

  /** Of the window, as it is told: in order, without gaps. */
  get extents(): readonly Extent[] {
    return this.#kept;
  }

  /** The next one; what is past the window is cut off. @throws Error where there are more than a disk can have */
  add(length: number, zero: boolean): void {
    if (this.#left-- <= 0) throw new Error(`extents of less than ${sector} bytes`);
    const size = Math.min(length, this.#end - this.#at);
    if (size > 0) put(this.#kept, { offset: this.#at, length: size, zero }, this.#grain);
    this.#at += size;
    if (this.#kept.length > maxExtents) this.#coarsen();
  }

  /** The rest of a block of which a part was told. */
  round(blockBytes: number): void {
    const over = this.#at % blockBytes;
    if (over > 0) this.add(blockBytes - over, false);
  }

  #coarsen(): void {
    while (this.#kept.length > maxExtents / 2) {
      this.#grain *= 2;
      const kept: Kept[] = [];
      for (const each of this.#kept) put(kept, each, this.#grain);
      this.#kept = kept;
    }
  }
}

function put(kept: Kept[], next: Extent, grain: number): void {
  let last = kept.at(-1);
  if (last?.zero && !next.zero && last.length < grain) {
    last.zero = false;
    const before = kept.at(-2);
    if (before) {
      before.length += last.length;
      kept.pop();
      last = before;
    }
  }
  if (last?.zero === next.zero) last.length += next.length;
  else kept.push({ offset: next.offset, length: next.length, zero: next.zero });
}

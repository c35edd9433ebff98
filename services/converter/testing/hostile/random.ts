/** Numbers that are the same for the same seed (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) >>> 0;
  }

  /** Any of 32 bits. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  below(end: number): number {
    return Math.floor((this.word() / 2 ** 32) * end);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(share: number): boolean {
    return this.word() < share * 2 ** 32;
  }

  /** Zero to `most` things. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** A word that breaks counts, sizes and offsets more often than not. */
  odd(): number {
    return this.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, this.below(256), this.below(65536), this.word()]);
  }

  /** Sets some words or bytes of a buffer to anything. */
  spoil(buffer: Buffer, most: number, from = 0, to = buffer.length): void {
    for (let left = this.below(most + 1); left > 0 && to - from >= 4; left--) {
      const at = from + this.below(to - from - 3);
      if (this.chance(0.3)) buffer[at] = this.below(256);
      else buffer.writeUInt32LE(this.odd(), at);
    }
  }
}

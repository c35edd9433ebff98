import type { Random } from './random.ts';

/** Where an input may be laid out: an empty folder of its own, and beside it what nothing may touch. */
export interface Place {
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** One kind of bad input: makes one from the numbers given, puts it to the product, and throws where the answer is not a good one. */
export interface Kind {
  /** How often it comes, beside the others. */
  readonly share: number;
  /** What is made once for many inputs, in a folder of its own. */
  prepare?(folder: string): Promise<void> | void;
  run(random: Random, place: Place): Promise<void> | void;
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** One line of output. `ratio`: ours over theirs, the median of the rounds; less is better. */
export interface Line {
  readonly bench: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly against: string;
  readonly unit: string;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Measured {
  readonly ms: number;
  /** Of the process that copies, user and system. */
  readonly cpuMs: number;
  readonly rssMb?: number;
}

export type Run = () => Promise<Measured>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const round = (value: number): number => Number(value.toPrecision(3));

/** Every runner in each round, the order turned from round to round, so that what the machine does meets all alike. */
export async function rounds<K extends string>(count: number, runners: Record<K, Run>): Promise<Record<K, Measured[]>> {
  const names = Object.keys(runners) as K[];
  const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, Measured[]>;
  for (let i = 0; i < count; i++)
    for (const name of i % 2 === 0 ? names : [...names].reverse()) found[name].push(await runners[name]());
  return found;
}

/** Ours over theirs, round by round. */
export const ratios = (ours: readonly Measured[], theirs: readonly Measured[], of: 'ms' | 'cpuMs'): number[] =>
  ours.map((each, i) => each[of] / theirs[i]![of]);

export function line(bench: string, against: string, paired: readonly number[], figures: Record<string, number>): Line {
  const sorted = [...paired].sort((a, b) => a - b);
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
  return {
    bench,
    ratio: round(median(paired)),
    low: round(sorted[0]!),
    high: round(sorted.at(-1)!),
    rounds: paired.length,
    against,
    unit: 'ratio',
    figures: rounded,
  };
}

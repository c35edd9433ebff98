import { copy } from './copy.ts';
import type { Line } from './measure.ts';

export const benches: Readonly<Record<string, (rounds: number) => Promise<Line>>> = {
  copy,
};

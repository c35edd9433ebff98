import { convert } from './convert.ts';
import { copy, copyLatency, verify } from './copy.ts';
import { delta } from './delta.ts';
import { disks } from './disks.ts';
import { downtime } from './downtime.ts';
import { hostile } from './hostile.ts';
import type { Line } from './measure.ts';
import { proof } from './proof.ts';
import { stepGap } from './step-gap.ts';

export const benches: Readonly<Record<string, (rounds: number) => Promise<Line>>> = {
  copy,
  'copy-latency': copyLatency,
  delta,
  verify,
  proof,
  disks,
  convert,
  'step-gap': stepGap,
  downtime,
  hostile,
};

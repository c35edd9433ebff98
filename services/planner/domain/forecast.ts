import { type Forecast, leafBytes, leastAuditLeaves, type TargetDisk, type VmPlan } from '@tranship/contracts';
import { changedBytes, finished, type Pass } from './passes.ts';

/** Seconds that the steps of a cutover took in migrations before; what is not known yet is guessed. */
export interface History {
  readonly shutdown: readonly number[];
  readonly convert: readonly number[];
  readonly handOver: readonly number[];
  readonly boot: readonly number[];
}

const guesses = { shutdown: 30, convert: 5, handOver: 10, boot: 60 } as const;
/** Below it a pass tells of its overhead, not of the path. */
const telling = 16 * 1024 * 1024;
const slowest = 50 * 1024 * 1024;

interface Estimate {
  readonly mid: number;
  readonly low: number;
  readonly high: number;
}

/** The downtime that a cutover would cost at `now`, milliseconds since the epoch. */
export function forecast(
  passes: readonly Pass[],
  { target: { disks }, audit, proof }: Pick<VmPlan, 'target' | 'audit' | 'proof'>,
  now: number,
  history: History,
): Forecast {
  const done = finished(passes);
  const last = done.at(-1)!;
  const [writeRate, copyRate] = [writeRateOf(done, disks), copyRateOf(done)];
  const age = Math.max(0, (now - Date.parse(last.point?.at ?? last.started)) / 1000);
  const allBytes = disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const deltaBytes = Math.min(writeRate * age, allBytes);
  const written = 1 + deltaBytes / copyRate;
  const auditBytes = audit > 0 ? Math.min(allBytes, disks.length * leastAuditLeaves * leafBytes) : 0;
  const delta = written + (auditBytes + (proof === 'full' ? allBytes : 0)) / copyRate;
  const known = {
    shutdown: spread(history.shutdown, guesses.shutdown),
    convert: spread(history.convert, guesses.convert),
    handOver: spread(history.handOver, guesses.handOver),
    boot: spread(history.boot, guesses.boot),
  };
  // What was written is read back at about the pace of the copy.
  const all = [...Object.values(known), about(delta), about(written)];
  const sum = (of: keyof Estimate) => round(all.reduce((total, each) => total + each[of], 0));
  return {
    ...{ pass: last.pass, writeRate: Math.round(writeRate), copyRate: Math.round(copyRate) },
    ...{ seconds: sum('mid'), low: sum('low'), high: sum('high') },
    parts: {
      ...{ shutdown: round(known.shutdown.mid), delta: round(delta), prove: round(written) },
      ...{ convert: round(known.convert.mid), handOver: round(known.handOver.mid), boot: round(known.boot.mid) },
    },
  };
}

/** Bytes a second that changed between the last two points; before there are two, none is known to change. */
export function writeRateOf(done: readonly Pass[], disks: readonly TargetDisk[]): number {
  const [before, last] = [done.at(-2)?.point, done.at(-1)];
  if (!before || !last?.point) return 0;
  const seconds = (Date.parse(last.point.at) - Date.parse(before.at)) / 1000;
  return seconds > 0 ? changedBytes(last, disks) / seconds : 0;
}

/** Bytes a second of the last pass that says something, else a slow path's. */
export const copyRateOf = (done: readonly Pass[]): number => seenRateOf(done) ?? slowest;

export function seenRateOf(done: readonly Pass[]): number | undefined {
  const last = done.filter(({ readBytes, seconds }) => readBytes >= telling && seconds > 0).at(-1);
  return last && last.readBytes / last.seconds;
}

function spread(seen: readonly number[], guess: number): Estimate {
  if (seen.length === 0) return { mid: guess, low: guess / 2, high: guess * 2 };
  const sorted = [...seen].sort((a, b) => a - b);
  const mid = sorted[Math.floor(sorted.length / 2)]!;
  return { mid, low: sorted[0]! * 0.8, high: sorted.at(-1)! * 1.25 };
}

const about = (mid: number): Estimate => ({ mid, low: mid / 2, high: mid * 2 });
const round = (seconds: number) => Math.round(seconds * 10) / 10;

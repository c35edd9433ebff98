import type { Kill, Row, Step } from './table.ts';

const mib = 1024 ** 2;

/** The parts of a course between which the counters are read. */
export const windows = ['copy', 'prove', 'delta', 'final'] as const;
export type Window = (typeof windows)[number];

/** A hit counts to the window in which it could cost something. */
export const windowOf: Record<Step, Window> = {
  prepare: 'copy',
  snapshot: 'copy',
  copy: 'copy',
  prove: 'prove',
  delta: 'delta',
  final: 'final',
  'hand-over': 'final',
};

/** A disk, and what has to be read of it once in each window. */
export interface Disk {
  readonly sizeBytes: number;
  readonly due: Readonly<Record<Window, number>>;
}

export interface Strike {
  readonly step: Step;
  /** Why it hit nothing, or not when it should. */
  readonly missed?: string | undefined;
}

/** One migration, as it was seen from outside. */
export interface Course extends Row {
  readonly disks: readonly Disk[];
  readonly strikes: readonly Strike[];
  /** Bytes that nbdkit was asked for in each window that was reached, by disk. */
  readonly read: Partial<Record<Window, readonly number[]>>;
  /** Bytes that the last pass of each window wrote, by disk, as it says itself. */
  readonly written: Partial<Record<Window, readonly number[]>>;
  /** What is wrong with its end: state, digests, what is left. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

export interface Cell {
  readonly kill: Kill;
  readonly step: Step;
  /** Read again in its window, the worst of the disks. */
  readonly againBytes: number | undefined;
  readonly problems: readonly string[];
}

/** What a kill may cost of a disk, in bytes read again. */
export const bound = (sizeBytes: number): number => Math.max(sizeBytes / 100, 64 * mib);

/** What one hit may cost: nothing where nothing is being read; without its ledger a disk is read as a whole. */
export function allowance(kill: Kill, step: Step, sizeBytes: number): number {
  if (kill === 'none' || step === 'prepare' || step === 'snapshot' || step === 'hand-over') return 0;
  if (kill === 'scratch') return sizeBytes;
  return step === 'prove' ? 0 : bound(sizeBytes);
}

export function judge(course: Course): Cell[] {
  const { kill, steps, strikes, problems } = course;
  return steps.map((step) => {
    const strike = strikes.find((each) => each.step === step);
    const { againBytes, problems: read } = judgeWindow(course, windowOf[step]);
    const missed = strike ? strike.missed : kill === 'none' ? undefined : 'the course did not come so far';
    return { kill, step, againBytes, problems: [...(missed ? [missed] : []), ...read, ...problems] };
  });
}

/** Without its ledger a disk is read again, not copied again: of a first pass the half was there, a delta is written once more. */
function mostWritten(window: Window, due: number, sizeBytes: number): number {
  return window === 'delta' || window === 'final' ? due : due / 2 + bound(sizeBytes);
}

function judgeWindow({ kill, steps, disks, read, written }: Course, window: Window) {
  const bytes = read[window];
  if (!bytes) return { againBytes: undefined, problems: [] };
  const again = disks.map(({ due }, i) => bytes[i]! - due[window]);
  const problems = disks.flatMap(({ sizeBytes, due }, i) => {
    const may = steps
      .filter((step) => windowOf[step] === window)
      .reduce((sum, step) => sum + allowance(kill, step, sizeBytes), 0);
    const wrote = written[window]?.[i] ?? 0;
    const most = mostWritten(window, due[window], sizeBytes);
    if (kill === 'scratch' && wrote > most) return [`disk ${i}: ${inMib(wrote)} written, ${inMib(most)} allowed`];
    if (again[i]! > may) return [`disk ${i}: ${inMib(again[i]!)} read again, ${inMib(may)} allowed`];
    return again[i]! < 0 ? [`disk ${i}: ${inMib(-again[i]!)} were never read`] : [];
  });
  return { againBytes: Math.max(...again), problems };
}

export const inMib = (bytes: number): string => `${Math.round((bytes / mib) * 10) / 10} MiB`;

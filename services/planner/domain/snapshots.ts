import type { Course } from './course.ts';
import type { State } from './states.ts';

/** A snapshot that a VM may have open, as the log has it. */
export interface HeldSnapshot {
  readonly migration: string;
  readonly vm: string;
  readonly datastores: readonly string[];
  /** The sequence that the course had: its next event begins the pass, or there is none. */
  readonly at: number;
}

/** Folds one event of a provider's grants in. */
export function foldSnapshot(held: readonly HeldSnapshot[], { type, data }: { type: string; data: unknown }) {
  const snapshot = data as HeldSnapshot;
  const others = held.filter(({ migration, vm }) => migration !== snapshot.migration || vm !== snapshot.vm);
  return type === 'permits.snapshot-granted' ? [...others, snapshot] : others;
}

/** In these a snapshot of ours may be open. */
const open: ReadonlySet<State> = new Set<State>(['SN', 'PC', 'PP', 'RM', 'RT', 'TY', 'DN']);

/** Whether each of the VM's datastores bears one more. */
export function maySnapshot({ migration, vm, plan }: Course, held: readonly HeldSnapshot[]): boolean {
  const others = held.filter((each) => each.migration !== migration || each.vm !== vm);
  // A course that was queued before there were grants has none.
  const { datastores = [], snapshotsPerDatastore } = plan!;
  return datastores.every(
    (id) => others.filter(({ datastores: taken }) => taken.includes(id)).length < snapshotsPerDatastore,
  );
}

/** Whether what is held is this course's, and of a pass that is over or never began: the course has gone on since, and has none open. */
export const isBack = ({ migration, vm, seq, state }: Course, held: HeldSnapshot): boolean =>
  held.migration === migration && held.vm === vm && seq > held.at && !open.has(state);

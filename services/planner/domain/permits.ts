import type { Course } from './course.ts';

/** Who holds a permit of a provider: the fold of its `permits` events. */
export interface StoredPermit {
  readonly migration: string;
  readonly vm: string;
  /** Where its disks are open, and how many at once. */
  readonly host: string;
  readonly sessions: number;
  /** Sequence of the grant. */
  readonly seq: number;
}

/** Folds one event of a provider's permits in. */
export function foldPermit(
  held: readonly StoredPermit[],
  { type, data, seq }: { readonly type: string; readonly data: unknown; readonly seq: number },
): StoredPermit[] {
  const permit = data as Omit<StoredPermit, 'seq'>;
  const others = held.filter(({ migration, vm }) => migration !== permit.migration || vm !== permit.vm);
  return type === 'permits.granted' ? [...others, { ...permit, seq }] : others;
}

/**
 * Whether the course may be admitted by what it holds: a grant since its own last event. An older one may be of a try that is
 * over, and somebody about to return it.
 */
export const isGranted = ({ migration, vm, seq }: Course, held: readonly StoredPermit[]): boolean =>
  held.some((permit) => permit.migration === migration && permit.vm === vm && permit.seq > seq);

/** Sessions that are taken on a host, by all migrations. */
export const sessionsOn = (host: string, held: readonly StoredPermit[]): number =>
  held.reduce((sum, permit) => sum + (permit.host === host ? permit.sessions : 0), 0);

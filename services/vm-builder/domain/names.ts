/** Names and marks by which everything of ours is found again. */
export const startedAt = 'tranship.dev/started-at';
/** A rollback stopped it: nothing of ours starts this VM any more. */
export const stoppedAt = 'tranship.dev/stopped-at';
/** On a volume between two claims: the reclaim policy that it shall have again. */
export const reclaimPolicy = 'tranship.dev/reclaim-policy';
/** On a volume between two claims: the work claim that it comes from. */
export const cameFrom = 'tranship.dev/disk';

/** On a workbench in which a guest can be booted. */
export const rehearses = 'tranship.dev/rehearses';

interface Ids {
  readonly migration: string;
  readonly vm: string;
}

export const marks = ({ migration, vm }: Ids): Record<string, string> => ({
  'app.kubernetes.io/managed-by': 'tranship',
  'tranship.dev/migration': migration,
  'tranship.dev/vm': vm,
});

export const selector = (ids: Ids): string =>
  Object.entries(marks(ids))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

export const isMarked = (labels: Readonly<Record<string, string>> | undefined, ids: Ids): boolean =>
  Object.entries(marks(ids)).every(([key, value]) => labels?.[key] === value);

export const workDisk = (workbench: string, index: number): string => `${workbench}-disk-${index}`;
export const scratch = (workbench: string): string => `${workbench}-scratch`;
export const targetDisk = (name: string, index: number): string => `${name}-disk-${index}`;

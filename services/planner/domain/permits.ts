/** Who holds a permit of a provider: the fold of its `permits` events. */
export interface StoredPermit {
  readonly migration: string;
  readonly vm: string;
  /** Where its disks are open, and how many at once. */
  readonly host: string;
  readonly sessions: number;
}

export function foldPermits(events: readonly { type: string; data: unknown }[]): StoredPermit[] {
  const held = new Map<string, StoredPermit>();
  for (const { type, data } of events) {
    const permit = data as StoredPermit;
    const key = `${permit.migration}/${permit.vm}`;
    if (type === 'permits.granted') held.set(key, permit);
    else if (type === 'permits.returned') held.delete(key);
  }
  return [...held.values()];
}

/** Sessions that are taken on a host, by all migrations. */
export const sessionsOn = (host: string, held: readonly StoredPermit[]): number =>
  held.reduce((sum, permit) => sum + (permit.host === host ? permit.sessions : 0), 0);

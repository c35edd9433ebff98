/** Who holds a permit of a provider: the fold of its `permits` events. */
export interface StoredPermit {
  readonly migration: string;
  readonly vm: string;
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

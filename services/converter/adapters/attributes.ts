import type { Attributes, Target } from '../ports.ts';
import { ancestors, type Guest } from './guest.ts';

export type Bare = Omit<Target, 'attributes'>;

const label = 'security.selinux';

/** A file that is written anew keeps its attributes; what is new has its folder's label, as the kernel would give it. */
export async function withAttributes(guest: Guest, targets: readonly Bare[]): Promise<Target[]> {
  const own = targets.filter(({ now, what }) => now && typeof what !== 'string').map(({ path }) => path);
  const above = targets.flatMap(({ path }) => ancestors(path));
  const found = await guest.attributes([...own, ...above]);
  const labelOf = (path: string): Attributes => {
    const near = ancestors(path).findLast((folder) => found.get(folder)?.has(label));
    return near === undefined ? new Map() : new Map([[label, found.get(near)!.get(label)!]]);
  };
  return targets.map((target) => ({
    ...target,
    attributes: target.now ? (found.get(target.path) ?? new Map()) : labelOf(target.path),
  }));
}

import { TranshipError } from '@tranship/contracts';

/** No document of ours is as deep. */
const deepest = 64;

/** What a JSON merge patch (RFC 7396) makes of a value: members that are null go, objects are merged, all else is replaced. */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch)) return patch;
  if (depth > deepest) throw new TranshipError('document.invalid', `the patch is deeper than ${deepest} levels`);
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch))
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value, depth + 1));
  return Object.fromEntries(merged);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

import type { ChangedFiles } from '@tranship/contracts';

/** Names of files that are kept; how many there are is kept too. */
const mostPaths = 32;

/** What a course keeps of a step's result. Of files that change that is their names: what was in them is in the event alone. */
export function facts(result: unknown): unknown {
  const { changes, ...rest } = result as { readonly changes?: readonly { readonly path: string }[] };
  if (!changes) return result;
  const files: ChangedFiles = { count: changes.length, paths: changes.slice(0, mostPaths).map(({ path }) => path) };
  return { ...rest, files };
}

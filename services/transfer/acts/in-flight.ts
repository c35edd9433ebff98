/** Runs `work` over all, `most` at a time, answers in their order; the first failure ends the others. */
export async function inFlight<T, R>(
  items: readonly T[],
  most: number,
  outer: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && !signal.aborted) {
      const i = next++;
      results[i] = await work(items[i]!, signal);
    }
  };
  const lanes = Array.from({ length: Math.min(most, items.length) }, () =>
    lane().catch((error: unknown) => {
      failures.push(error);
      failed.abort(error);
    }),
  );
  await Promise.all(lanes);
  if (failures.length > 0) throw failures[0];
  outer.throwIfAborted();
  return results;
}

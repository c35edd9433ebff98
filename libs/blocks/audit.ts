import { leastAuditLeaves } from '@tranship/contracts';
import type { Arena } from './arena.ts';
import { leafBytes, leafCount, type Summing } from './leaves.ts';
import type { Sums } from './records.ts';

/** How many leaves an audit of `share` reads. The fewest miss lies in one of a hundred in one pass of 150, whatever the disk's size. */
export const auditLeaves = (share: number, sizeBytes: number): number =>
  share === 0 ? 0 : Math.max(leastAuditLeaves, Math.ceil(share * leafCount(sizeBytes)));

export interface Check {
  readonly arena: Arena;
  readonly sizeBytes: number;
  readonly summing: Summing;
  readonly signal?: AbortSignal | undefined;
}

const lanes = 16;

/** Reads leaves, side by side, and counts those whose sum is not the one it should be. */
export async function countDifferent(
  { arena, sizeBytes, summing, signal }: Check,
  offsets: readonly number[],
  read: (offset: number, target: Buffer) => Promise<void>,
  sumAt: (offset: number) => Buffer | Promise<Buffer>,
): Promise<number> {
  let [next, different] = [0, 0];
  const lane = async () => {
    while (next < offsets.length) {
      signal?.throwIfAborted();
      const offset = offsets[next++]!;
      const memory = await arena.take(Math.min(leafBytes, sizeBytes - offset));
      try {
        await read(offset, memory);
        if (!summing.sum(memory).equals(await sumAt(offset))) different++;
      } finally {
        arena.release(memory);
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return different;
}

/** `want` of the leaves that come by, each as likely as the other; nothing else is kept. */
export async function sampleOf(
  all: AsyncIterable<Sums>,
  sumBytes: number,
  want: number,
  random: () => number,
): Promise<Map<number, Buffer>> {
  const chosen: [number, Buffer][] = [];
  let seen = 0;
  for await (const { offset, sums } of all)
    for (let at = 0; at < sums.length; at += sumBytes) {
      const place = seen < want ? seen : Math.floor(random() * (seen + 1));
      seen++;
      if (place < want)
        chosen[place] = [offset + (at / sumBytes) * leafBytes, Buffer.from(sums.subarray(at, at + sumBytes))];
    }
  return new Map(chosen);
}

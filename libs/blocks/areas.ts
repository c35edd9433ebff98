import { leafBytes } from './leaves.ts';

/** A part of a disk, in bytes. `zero`: reads as zeros, need not be read. */
export interface Area {
  readonly offset: number;
  readonly length: number;
  readonly zero: boolean;
}

/** As an object in the store, and VMware, list them: offset and length. */
export type Range = readonly [offset: number, length: number];

/** Gaps shorter than this may be read along: a request costs more than their bytes. */
export const smallGap = 256 * 1024;

const down = (at: number) => Math.floor(at / leafBytes) * leafBytes;
const up = (at: number) => Math.ceil(at / leafBytes) * leafBytes;

/**
 * Makes a window's extents into whole leaves: an area with data takes in every leaf that it touches, a small gap between
 * two of them is read along. The answer covers the window, in order, without gaps.
 */
export function plan(extents: readonly Area[], window: { offset: number; length: number }): Area[] {
  const end = window.offset + window.length;
  const areas: { offset: number; length: number; zero: boolean }[] = [];
  const push = (offset: number, to: number, zero: boolean) => {
    if (to <= offset) return;
    const last = areas.at(-1);
    if (last && last.zero === zero) last.length = to - last.offset;
    else areas.push({ offset, length: to - offset, zero });
  };
  let at = window.offset;
  for (const { offset, length, zero } of extents) {
    if (zero) continue;
    const from = Math.max(at, down(offset));
    const to = Math.min(end, up(offset + length));
    if (to <= at) continue;
    const nearby = areas.length > 0 && from - at < smallGap;
    push(at, from, !nearby);
    push(from, to, false);
    at = to;
  }
  push(at, end, true);
  return areas;
}

/** Cuts areas to requests of at most `most` bytes (whole leaves), zeros to `mostZeros`. */
export function* cut(areas: readonly Area[], most: number, mostZeros: number): Generator<Area> {
  for (const area of areas) {
    const step = area.zero ? mostZeros : most;
    for (let at = 0; at < area.length; at += step)
      yield { offset: area.offset + at, length: Math.min(step, area.length - at), zero: area.zero };
  }
}

/** Ranges in any order, as whole leaves within the disk: in order, apart, with more than `gap` between any two. */
export function widen(ranges: Iterable<Range>, sizeBytes: number, gap = 0): Range[] {
  const inOrder = [...ranges].sort((a, b) => a[0] - b[0]);
  const found: [number, number][] = [];
  for (const [offset, length] of inOrder) {
    const [from, to] = [down(offset), Math.min(up(offset + length), sizeBytes)];
    if (length <= 0 || to <= from) continue;
    const last = found.at(-1);
    if (last && from <= last[0] + last[1] + gap) last[1] = Math.max(last[1], to - last[0]);
    else found.push([from, to - from]);
  }
  return found;
}

/** Requests over widened ranges from `from` on; a gap of up to `gap()` bytes (asked anew each time) is read along. */
export function* coalesce(ranges: readonly Range[], from: number, most: number, gap: () => number): Generator<Area> {
  let [start, end] = [from, from];
  const cutOff = (to: number) => {
    const area = { offset: start, length: to - start, zero: false };
    start = to;
    return area;
  };
  for (const [offset, length] of ranges) {
    if (offset + length <= from) continue;
    const at = Math.max(offset, from);
    if (end > start && at - end > gap()) yield cutOff(end);
    if (end === start) start = at;
    end = offset + length;
    while (end - start >= most) yield cutOff(start + most);
  }
  if (end > start) yield cutOff(end);
}

/** Whether a leaf lies in one of the widened ranges. */
export function covers(ranges: readonly Range[], offset: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![0] + ranges[middle]![1] <= offset) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]![0] <= offset;
}

/** `want` different leaves (offsets, in order) outside of the widened ranges; all of them where there are no more. */
export function sampleOutside(
  ranges: readonly Range[],
  sizeBytes: number,
  want: number,
  random: () => number,
): number[] {
  const leaves = (bytes: number) => Math.ceil(bytes / leafBytes);
  const clean = leaves(sizeBytes) - ranges.reduce((sum, [, length]) => sum + leaves(length), 0);
  const ranks = new Set<number>();
  if (want >= clean) for (let rank = 0; rank < clean; rank++) ranks.add(rank);
  // The last ranks of Floyd's sampling: as many steps as leaves wanted.
  else
    for (let top = clean - want; top < clean; top++) {
      const rank = Math.floor(random() * (top + 1));
      ranks.add(ranks.has(rank) ? top : rank);
    }
  const found: number[] = [];
  let [range, skipped] = [0, 0];
  for (const rank of [...ranks].sort((a, b) => a - b)) {
    while (range < ranges.length && ranges[range]![0] / leafBytes <= rank + skipped)
      skipped += leaves(ranges[range++]![1]);
    found.push((rank + skipped) * leafBytes);
  }
  return found;
}

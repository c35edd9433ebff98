import { leafBytes } from './leaves.ts';

/** A part of a disk, in bytes. `zero`: reads as zeros, need not be read. */
export interface Area {
  readonly offset: number;
  readonly length: number;
  readonly zero: boolean;
}

/** Gaps shorter than this are read along: a request costs more than their bytes. */
const smallGap = 256 * 1024;

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
    const from = Math.max(at, Math.floor(offset / leafBytes) * leafBytes);
    const to = Math.min(end, Math.ceil((offset + length) / leafBytes) * leafBytes);
    if (to <= at) continue;
    const nearby = areas.length > 0 && from - at < smallGap;
    push(at, from, !nearby);
    push(from, to, false);
    at = to;
  }
  push(at, end, true);
  return areas;
}

/** Cuts areas to requests of at most `most` bytes (whole leaves). Zeros stay whole. */
export function* cut(areas: readonly Area[], most: number): Generator<Area> {
  for (const area of areas) {
    if (area.zero) {
      yield area;
      continue;
    }
    for (let at = 0; at < area.length; at += most)
      yield { offset: area.offset + at, length: Math.min(most, area.length - at), zero: false };
  }
}

import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { seconds } from './copy.ts';
import { type Line, line, type Measured, median, ratios, rounds } from './measure.ts';
import type { Errand } from './mover.ts';
import { gib, mib, numbers, ours, Site, sameBytes, settle } from './tools.ts';

export const areaBytes = 64 * 1024;
const diskBytes = 8 * gib;

/** So many different areas of 64 KiB among the disk's first bytes, in order. */
export function areas(count: number, amongBytes: number): [number, number][] {
  const random = numbers(7);
  const found = new Set<number>();
  while (found.size < count) found.add(Math.floor(random() * (amongBytes / areaBytes)));
  return [...found].sort((a, b) => a - b).map((leaf) => [leaf * areaBytes, areaBytes]);
}

/** A disk that holds nothing but these areas. */
export function write(file: string, sizeBytes: number, listed: readonly [number, number][], seed: number): void {
  const fd = openSync(file, 'w');
  ftruncateSync(fd, sizeBytes);
  const random = numbers(seed);
  const noise = Buffer.from(Uint32Array.from({ length: areaBytes }, () => random() * 2 ** 32).buffer);
  for (const [offset, length] of listed)
    writeSync(fd, noise, Math.floor(random() * (noise.length - length)), length, offset);
  closeSync(fd);
}

/**
 * 20,000 changed areas of 64 KiB over 1 ms of latency, against one request in flight, as CDI's importer reads them. Two
 * moments of a disk take turns as the source, so that each round changes every area. `diskRatio`: ours
 * with the bytes at hand, which is what the disk takes for them. `inMemoryRatio`: both to a target in memory.
 */
export async function delta(count: number): Promise<Line> {
  const site = new Site();
  try {
    const listed = areas(20_000, diskBytes);
    const ranges = site.source('areas.json');
    writeFileSync(ranges, JSON.stringify(listed));
    const moments = [site.source('a.raw'), site.source('b.raw')] as const;
    for (const [i, file] of moments.entries()) write(file, diskBytes, listed, 11 + i);
    const at = async (file: string, ms: number) => site.serve('--filter=delay', 'file', file, `rdelay=${ms}ms`);
    const slow = await Promise.all(moments.map((file) => at(file, 1)));
    const oursTo = site.target('ours.raw');
    const theirsTo = site.target('theirs.raw');
    const diskTo = site.target('disk.raw');
    const [oursInMemory, theirsInMemory] = [site.quickTarget('ours.raw'), site.quickTarget('theirs.raw')];
    const quick = await at(moments[0], 0);
    const request = { pass: 1, how: 'full' } as const;
    for (const target of [oursTo, theirsTo, diskTo, oursInMemory, theirsInMemory])
      await ours({ disks: [{ socket: quick, target }], scratch: `${target}-scratch`, request });
    const step = (target: string, more: (moment: string) => Partial<Errand> = () => ({})) => {
      let pass = 1;
      return async (): Promise<Measured> => {
        const now = pass++ % 2;
        settle();
        const errand: Errand = {
          disks: [{ socket: slow[now]!, target }],
          scratch: `${target}-scratch`,
          request: { pass, how: 'delta', changeId: `u/${pass}` },
          ranges,
        };
        const measured = await ours({ ...errand, ...more(moments[now]!) });
        sameBytes(moments[now]!, target);
        return measured;
      };
    };
    const found = await rounds(count, {
      ours: step(oursTo),
      theirs: step(theirsTo, () => ({ oneInFlight: true })),
      disk: step(diskTo, (atHand) => ({ atHand })),
      inMemory: step(oursInMemory),
      theirsInMemory: step(theirsInMemory, () => ({ oneInFlight: true })),
    });
    return line('delta', 'one request in flight, 2 MiB at most', ratios(found.ours, found.theirs, 'ms'), {
      areas: listed.length,
      diskRatio: median(ratios(found.disk, found.theirs, 'ms')),
      inMemoryRatio: median(ratios(found.inMemory, found.theirsInMemory, 'ms')),
      seconds: seconds(found.ours),
      theirSeconds: seconds(found.theirs),
      mibPerSecond: (listed.length * areaBytes) / mib / seconds(found.ours),
      cpuRatio: median(ratios(found.ours, found.theirs, 'cpuMs')),
    });
  } finally {
    await site.clear();
  }
}

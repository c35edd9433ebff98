import { rmSync } from 'node:fs';
import { seconds } from './copy.ts';
import { type Line, line, median, ratios, rounds } from './measure.ts';
import { gib, makeDisk, mib, ours, Site, sameBytes, settle } from './tools.ts';

/** Several disks at once from a source that is the limit, against the same bytes in sequence; and the memory for it. */
export async function disks(count: number): Promise<Line> {
  const site = new Site();
  try {
    const files = Array.from({ length: 8 }, (_, i) => site.source(`disk-${i}.raw`));
    const data = files.map((file) => makeDisk(file, gib / 4)).reduce((sum, bytes) => sum + bytes, 0);
    const limit = ['--filter=rate', `rate=${400 * mib * 8}`, 'burstiness=0.1'];
    const rated = async (file: string, share: number) =>
      site.serve(limit[0]!, 'file', file, `rate=${Math.floor((400 * mib * 8) / share)}`, limit[2]!);
    const alone = await Promise.all(files.map((file) => rated(file, 1)));
    const shared = await Promise.all(files.map((file) => rated(file, 8)));
    const huge = await site.serve('sparse-random', '1T', 'percent=0.05', 'runlength=1048576');
    const request = { pass: 1, how: 'full' } as const;
    const target = (i: number) => site.target(`target-${i}.raw`);
    const move = async (sockets: readonly string[], first: number, check = true) => {
      for (const [i] of sockets.entries()) rmSync(target(first + i), { force: true });
      rmSync(site.target('scratch'), { recursive: true, force: true });
      settle();
      const wanted = sockets.map((socket, i) => ({ socket, target: target(first + i) }));
      const measured = await ours({ disks: wanted, scratch: site.target('scratch'), request });
      if (check) for (const [i] of sockets.entries()) sameBytes(files[first + i]!, target(first + i));
      return measured;
    };
    const found = await rounds(count, {
      together: () => move(shared, 0),
      sequence: async () => {
        const each: Awaited<ReturnType<typeof move>>[] = [];
        for (const [i, socket] of alone.entries()) each.push(await move([socket], i));
        const sum = (of: 'ms' | 'cpuMs') => each.reduce((all, one) => all + one[of], 0);
        return { ms: sum('ms'), cpuMs: sum('cpuMs'), rssMb: Math.max(...each.map(({ rssMb }) => rssMb)) };
      },
      four: () => move(shared.slice(0, 4), 0),
      huge: () => move([huge], 0, false),
    });
    const rss = (name: keyof typeof found) => median(found[name].map(({ rssMb }) => rssMb ?? 0));
    return line('disks', '8 disks one after the other', ratios(found.together, found.sequence, 'ms'), {
      rssMb1: rss('sequence'),
      rssMb4: rss('four'),
      rssMb8: rss('together'),
      rssMb1TiB: rss('huge'),
      seconds: seconds(found.together),
      sequenceSeconds: seconds(found.sequence),
      mib: data / mib,
    });
  } finally {
    await site.clear();
  }
}

import { writeFileSync } from 'node:fs';
import { areaBytes, areas, write } from './delta.ts';
import { type Line, line, type Measured, median, ratios, rounds } from './measure.ts';
import { gib, mib, ours, Site, sameBytes, settle } from './tools.ts';

const sizes = { small: gib, large: 64 * gib } as const;
type Name = keyof typeof sizes;

/**
 * The proof of a final delta of 500 MiB: of a disk of 64 GiB against one of 1 GiB with the same delta, for it is to cost what was
 * written and not what the disk holds; `writeRatio`: against writing it.
 */
export async function proof(count: number): Promise<Line> {
  const site = new Site();
  try {
    const listed = areas(8_000, gib);
    const ranges = site.source('areas.json');
    writeFileSync(ranges, JSON.stringify(listed));
    const againstWriting: number[] = [];
    const prover = async (name: Name) => {
      const moments = ['a', 'b'].map((moment, i) => {
        const file = site.source(`${name}-${moment}.raw`);
        write(file, sizes[name], listed, 11 + i);
        return file;
      });
      const sockets = await Promise.all(moments.map((file) => site.serve('file', file)));
      const target = site.target(`${name}.raw`);
      const scratch = `${target}-scratch`;
      const move = (at: number, request: Parameters<typeof ours>[0]['request']) =>
        ours({ disks: [{ socket: sockets[at]!, target }], scratch, request, ranges, prove: true });
      await move(0, { pass: 1, how: 'full' });
      let pass = 1;
      return async (): Promise<Measured> => {
        const now = pass++ % 2;
        settle();
        const measured = await move(now, { pass, how: 'delta', changeId: `u/${pass}` });
        if (name === 'small') sameBytes(moments[now]!, target);
        againstWriting.push(measured.proofMs / measured.ms);
        return { ...measured, ms: measured.proofMs };
      };
    };
    const found = await rounds(count, { large: await prover('large'), small: await prover('small') });
    return line('proof', 'the proof of a disk of 1 GiB', ratios(found.large, found.small, 'ms'), {
      writeRatio: median(againstWriting),
      seconds: median(found.large.map(({ ms }) => ms)) / 1000,
      smallSeconds: median(found.small.map(({ ms }) => ms)) / 1000,
      writtenMib: (listed.length * areaBytes) / mib,
    });
  } finally {
    await site.clear();
  }
}

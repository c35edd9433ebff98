import { rmSync } from 'node:fs';
import { type Line, line, median, ratios, rounds } from './measure.ts';
import { gib, makeDisk, mib, ours, peer, Site, sameBytes, settle } from './tools.ts';

const full = { pass: 1, how: 'full' } as const;

/** A first pass to a disk, flushed, with checksums and ledger; against the two tools that do nothing else. */
export async function copy(count: number): Promise<Line> {
  const site = new Site();
  try {
    const source = site.source('disk.raw');
    const data = makeDisk(source, 4 * gib);
    const socket = await site.serve('file', source);
    const uri = `nbd+unix:///?socket=${socket}`;
    const target = site.target('target.raw');
    const fresh = () => {
      rmSync(target, { force: true });
      rmSync(site.target('scratch'), { recursive: true, force: true });
      settle();
    };
    const checked = async <T>(work: Promise<T>): Promise<T> => {
      const done = await work;
      sameBytes(source, target);
      return done;
    };
    const errand = { disks: [{ socket, target }], scratch: site.target('scratch'), request: full };
    const runners = {
      ours: async () => {
        fresh();
        return checked(ours(errand));
      },
      nbdcopy: async () => {
        fresh();
        return checked(peer('nbdcopy', ['--flush', uri, target]));
      },
      qemu: async () => {
        fresh();
        return checked(
          peer('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', '-m16', '-W', '-t', 'none', uri, target]),
        );
      },
      unsummed: async () => {
        fresh();
        return checked(ours({ ...errand, unsummed: true }));
      },
    };
    const found = await rounds(count, runners);
    const seconds = (name: keyof typeof found) => median(found[name].map(({ ms }) => ms)) / 1000;
    return line('copy', 'nbdcopy --flush', ratios(found.ours, found.nbdcopy, 'ms'), {
      cpuRatio: median(ratios(found.ours, found.nbdcopy, 'cpuMs')),
      cpuRatioUnsummed: median(ratios(found.unsummed, found.nbdcopy, 'cpuMs')),
      qemuRatio: median(ratios(found.ours, found.qemu, 'ms')),
      qemuCpuRatio: median(ratios(found.ours, found.qemu, 'cpuMs')),
      seconds: seconds('ours'),
      nbdcopySeconds: seconds('nbdcopy'),
      qemuSeconds: seconds('qemu'),
      mibPerSecond: data / mib / seconds('ours'),
      rssMb: median(found.ours.map(({ rssMb }) => rssMb ?? 0)),
    });
  } finally {
    await site.clear();
  }
}

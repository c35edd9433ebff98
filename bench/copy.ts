import { rmSync } from 'node:fs';
import { type Line, line, type Measured, median, ratios, rounds } from './measure.ts';
import type { Errand } from './mover.ts';
import { gib, makeDisk, mib, ours, peer, Site, sameBytes, settle } from './tools.ts';

const request = { pass: 1, how: 'full' } as const;

/** A disk in memory behind nbdkit, and copies of it to a disk, each from nothing and each compared to the last byte. */
export class CopySite extends Site {
  readonly original = this.source('disk.raw');
  readonly to: string;
  readonly dataBytes = makeDisk(this.original, 3 * gib);
  #socket = '';

  /** `quick`: to a target in memory instead. */
  constructor({ quick = false } = {}) {
    super();
    this.to = quick ? this.quickTarget('target.raw') : this.target('target.raw');
  }

  async open(...filter: string[]): Promise<void> {
    this.#socket = await this.serve(...filter.slice(0, 1), 'file', this.original, ...filter.slice(1));
  }

  ours = (more: Partial<Errand> = {}): Promise<Measured> => {
    const disks = [{ socket: this.#socket, target: this.to }];
    return this.#fresh(() => ours({ disks, scratch: `${this.to}-scratch`, request, ...more }));
  };

  /** Ours with the bytes at hand: what the disk takes for them. */
  atHand = (): Promise<Measured> => this.ours({ atHand: this.original });

  nbdcopy = (...flags: string[]): Promise<Measured> =>
    this.#fresh(() => peer('nbdcopy', ['--flush', ...flags, this.#uri, this.to]));

  qemu = (): Promise<Measured> =>
    this.#fresh(() => {
      const flags = ['-f', 'raw', '-O', 'raw', '-m16', '-W', '-t', 'none'];
      return peer('qemu-img', ['convert', ...flags, this.#uri, this.to]);
    });

  get #uri(): string {
    return `nbd+unix:///?socket=${this.#socket}`;
  }

  async #fresh(work: () => Promise<Measured>): Promise<Measured> {
    rmSync(this.to, { force: true });
    rmSync(`${this.to}-scratch`, { recursive: true, force: true });
    settle();
    const measured = await work();
    sameBytes(this.original, this.to);
    return measured;
  }
}

export const seconds = (found: readonly Measured[]): number => median(found.map(({ ms }) => ms)) / 1000;

/** A first pass to a disk, flushed, with checksums and ledger; against the two tools that do nothing else. */
export async function copy(count: number): Promise<Line> {
  const site = new CopySite();
  try {
    await site.open();
    const found = await rounds(count, {
      ours: site.ours,
      nbdcopy: site.nbdcopy,
      qemu: site.qemu,
      unsummed: () => site.ours({ unsummed: true }),
    });
    return line('copy', 'nbdcopy --flush', ratios(found.ours, found.nbdcopy, 'ms'), {
      cpuRatio: median(ratios(found.ours, found.nbdcopy, 'cpuMs')),
      unsummedCpuRatio: median(ratios(found.unsummed, found.nbdcopy, 'cpuMs')),
      qemuRatio: median(ratios(found.ours, found.qemu, 'ms')),
      qemuCpuRatio: median(ratios(found.ours, found.qemu, 'cpuMs')),
      seconds: seconds(found.ours),
      nbdcopySeconds: seconds(found.nbdcopy),
      qemuSeconds: seconds(found.qemu),
      mibPerSecond: site.dataBytes / mib / seconds(found.ours),
      rssMb: median(found.ours.map(({ rssMb }) => rssMb ?? 0)),
    });
  } finally {
    await site.clear();
  }
}

/**
 * A source that takes 10 ms to answer: what counts is how much is in flight, unless the disk is slower (`diskRatio`, at best).
 * `inMemoryRatio`: both to a target in memory.
 */
export async function copyLatency(count: number): Promise<Line> {
  const [site, quick] = [new CopySite(), new CopySite({ quick: true })];
  try {
    for (const each of [site, quick]) await each.open('--filter=delay', 'rdelay=10ms');
    const found = await rounds(count, {
      ours: site.ours,
      nbdcopy: site.nbdcopy,
      tuned: () => site.nbdcopy('--request-size=1048576', '--connections=4', '--requests=64'),
      disk: site.atHand,
      inMemory: quick.ours,
      nbdcopyInMemory: () => quick.nbdcopy(),
    });
    return line('copy-latency', 'nbdcopy --flush', ratios(found.ours, found.nbdcopy, 'ms'), {
      tunedRatio: median(ratios(found.ours, found.tuned, 'ms')),
      diskRatio: median(ratios(found.disk, found.nbdcopy, 'ms')),
      inMemoryRatio: median(ratios(found.inMemory, found.nbdcopyInMemory, 'ms')),
      seconds: seconds(found.ours),
      nbdcopySeconds: seconds(found.nbdcopy),
      tunedSeconds: seconds(found.tuned),
    });
  } finally {
    for (const each of [site, quick]) await each.clear();
  }
}

/** What checksums and their ledger cost: the same copy with and without them. */
export async function verify(count: number): Promise<Line> {
  const site = new CopySite();
  try {
    await site.open();
    const found = await rounds(count, { ours: site.ours, without: () => site.ours({ unsummed: true }) });
    return line('verify', 'ours without checksums', ratios(found.ours, found.without, 'ms'), {
      cpuRatio: median(ratios(found.ours, found.without, 'cpuMs')),
      seconds: seconds(found.ours),
      withoutSeconds: seconds(found.without),
    });
  } finally {
    await site.clear();
  }
}

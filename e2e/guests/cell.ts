import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type GuestAnswer, guestAnswerSchema } from '@tranship/contracts';
import { type Boot, boot } from '../../lab/guests/boot.ts';
import { type GuestNic, naming, networkFiles } from '../../lab/guests/network.ts';
import { layInto } from '../../lab/guests/own-files.ts';
import { nicNames, nicSlots } from '../../lab/guests/qemu.ts';
import { withRoot, writeDisk } from '../../lab/guests/systems.ts';
import { cacheDir } from '../../lab/setup/cache.ts';
import { removeScratch, scratch } from '../../lab/setup/scratch.ts';
import type { Conversion, Course, Seen } from './judge.ts';
import { parseReport, type Report } from './report.ts';
import { type Cell, nameOf, systems } from './table.ts';

const tool = fileURLToPath(new URL('../../services/converter/acts/tool.ts', import.meta.url));
/** In software emulation, beside other work. */
const bootMs = 900_000;
const convertMs = 900_000;
const sizeMiB = 1400;
const hostName = 'guest';
const tailLines = 12;

/** The NICs of a guest: one with all that an address can have, one by DHCP, one of which only IPv6 is fixed too. */
const nicsOf = ({ nics }: Cell): GuestNic[] =>
  [
    { name: nicNames[0]!, addresses: ['192.168.76.10/24', 'fd00:76::10/64'], gateway: '192.168.76.2' },
    { name: nicNames[1]!, addresses: [], dhcp: true },
    { name: nicNames[2]!, addresses: ['192.168.78.10/24', 'fd00:78::10/64'] },
  ].slice(0, nics);

const macOf = (i: number) => `00:50:56:aa:bb:0${i + 1}`;
/** A network of each NIC's own, which answers to ping and DHCP and leads nowhere. */
const backendOf = (i: number) => `user,net=192.168.${76 + i}.0/24,host=192.168.${76 + i}.2,restrict=on,ipv6=off`;

/** Boots one guest on VMware's hardware and, before and after its conversion, on KubeVirt's. `mount`: by the node's kernel where migrations take the appliance. */
export async function runCell(cell: Cell, mount: boolean, tell: (what: string) => void = () => {}): Promise<Course> {
  const folder = scratch(cacheDir, '.guest');
  const trial = new Trial(cell, folder, mount, tell);
  try {
    await trial.run();
    return trial.course;
  } catch (error) {
    return { ...trial.course, error: error instanceof Error ? error.message : String(error) };
  } finally {
    removeScratch(folder);
  }
}

class Trial {
  course: Course;
  readonly #cell: Cell;
  readonly #folder: string;
  readonly #mount: boolean;
  readonly #tell: (what: string) => void;

  constructor(cell: Cell, folder: string, mount: boolean, tell: (what: string) => void) {
    this.#cell = cell;
    this.#folder = folder;
    this.#mount = mount;
    this.#tell = tell;
    this.course = { cell };
  }

  get #disk(): string {
    return join(this.#folder, 'disk.raw');
  }

  async run(): Promise<void> {
    await this.#make();
    const before = seen(await this.#boot('vmware', { shutDown: true }));
    this.#saw({ before });
    if (before.outcome !== 'up') return;
    this.#saw({ unconverted: seen(await this.#boot('kubevirt', { throwAway: true })) });
    const conversion = await this.#convert(before.report);
    this.#saw({ conversion });
    if (conversion.refusal === undefined) this.#saw({ after: seen(await this.#boot('kubevirt', { throwAway: true })) });
  }

  #saw(part: Partial<Course>): void {
    this.course = { ...this.course, ...part };
    this.#tell(
      `${nameOf(this.#cell)}: ${Object.keys(part)[0]} ${JSON.stringify(Object.values(part)[0]).slice(0, 2000)}`,
    );
  }

  async #make(): Promise<void> {
    const { system, manager } = this.#cell;
    const own = { ...naming(hostName), ...networkFiles(manager, nicsOf(this.#cell)) };
    await withRoot({ ...systems[system], manager }, async (root) => {
      layInto(root, own);
      await writeDisk(this.#cell, root, this.#disk, sizeMiB);
    });
  }

  #boot(hardware: 'vmware' | 'kubevirt', how: { shutDown?: boolean; throwAway?: boolean }): Promise<Boot> {
    return boot({
      ...how,
      ...{ hardware, name: hostName, firmware: this.#cell.firmware, cpus: 1, memoryMB: 768, ownTime: true },
      disks: [this.#disk],
      nics: nicsOf(this.#cell).map((_, i) => ({ mac: macOf(i), backend: backendOf(i) })),
      folder: join(this.#folder, hardware),
      deadlineMs: bootMs,
    });
  }

  /** As a person would, with what vSphere knows of the NICs. */
  async #convert({ nics }: Report): Promise<Conversion> {
    const file = join(this.#folder, 'nics.json');
    const known = nicsOf(this.#cell).map((_, i) => ({
      mac: macOf(i),
      slot: nicSlots[i],
      addresses: nics.find(({ mac }) => mac === macOf(i))?.addresses.map((each) => each.split('/')[0]!) ?? [],
    }));
    writeFileSync(file, JSON.stringify(known));
    const first = await answerOf('convert', this.#disk, file, this.#mount);
    if ('problem' in first)
      return { engine: '', seconds: 0, refusal: `${first.problem.code}: ${first.problem.detail}`, again: [] };
    const second = await answerOf('inspect', this.#disk, file, this.#mount);
    const again = 'problem' in second ? [second.problem.code] : second.inspection.changes.map(({ path }) => path);
    const { engine, seconds } = first.inspection;
    return { engine, seconds, again };
  }
}

async function answerOf(verb: 'convert' | 'inspect', disk: string, nics: string, mount: boolean): Promise<GuestAnswer> {
  const env = { ...process.env, TRANSHIP_MOUNT_ENGINE: String(mount) };
  const args = [tool, verb, disk, '--nics', nics];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: convertMs, maxBuffer: 1 << 26 });
  return guestAnswerSchema.parse(JSON.parse(stdout));
}

const seen = ({ outcome, seconds, report, console }: Boot): Seen => ({
  outcome,
  seconds,
  report: parseReport(report),
  tail: console.split('\n').slice(-tailLines),
});

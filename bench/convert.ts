import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guestAnswerSchema, type Inspection } from '@tranship/contracts';
import { baseImage, rootOffset } from '../lab/guests/base.ts';
import { personalise } from '../lab/guests/personalise.ts';
import { run } from '../lab/setup/shell.ts';
import { worldVmSchema } from '../lab/world/schema.ts';
import { seconds } from './copy.ts';
import { type Line, line, type Measured, median, ratios, rounds } from './measure.ts';
import { Site, settle } from './tools.ts';
import { VirtV2v } from './virt-v2v.ts';

const tool = fileURLToPath(new URL('../services/converter/tool.ts', import.meta.url));
const mac = '00:50:56:aa:bb:77';
const agent = ['qemu-guest-agent', 'libglib2.0-0', 'libffi8', 'liburing2', 'libnuma1'];

/** The same Debian on ext4, with a static address, converted by ours (direct engine) and by virt-v2v-in-place; then looked at. */
export async function convert(count: number): Promise<Line> {
  const virtV2v = await VirtV2v.ready();
  const site = new Site();
  try {
    const base = await baseImage('bios');
    const disk = site.target('guest.raw');
    const [nics, media] = [site.target('nics.json'), site.target('media/debian')];
    writeFileSync(nics, JSON.stringify([{ mac, addresses: ['192.168.76.77/24'], slot: 192 }]));
    mkdirSync(media, { recursive: true });
    execFileSync('apt-get', ['download', '-q', ...agent], { cwd: media, stdio: 'ignore', timeout: 120_000 });
    const vm = worldVmSchema.parse({
      name: 'bench-01',
      guest: 'debian-12',
      network: { mac, address: '192.168.76.77/24' },
      disks: [{ sizeGB: 1 }],
    });
    const ask = async (verb: string): Promise<Inspection> => {
      const out = await run(process.execPath, [tool, verb, `--nics=${nics}`, `--media=${join(media, '..')}`, disk]);
      const answer = guestAnswerSchema.parse(JSON.parse(out.split('\n').at(-1)!));
      if ('problem' in answer) throw new Error(`${verb}: ${answer.problem.detail}`);
      return answer.inspection;
    };
    const inspected: Measured[] = [];
    const timed = async (work: () => Promise<unknown>): Promise<Measured> => {
      const began = performance.now();
      await work();
      return { ms: performance.now() - began, cpuMs: 0 };
    };
    const fresh = (work: () => Promise<Measured>, after: (found: Inspection) => void) => async () => {
      rmSync(disk, { force: true });
      await personalise(vm, base, disk);
      inspected.push(await timed(() => ask('inspect')));
      settle();
      const measured = await work();
      execFileSync('e2fsck', ['-fn', `${disk}?offset=${rootOffset.bios}`], { stdio: 'ignore' });
      after(await ask('inspect'));
      return measured;
    };
    const found = await rounds(count, {
      ours: fresh(() => timed(() => ask('convert')), boots('ours', true)),
      theirs: fresh(() => timed(() => virtV2v.convert(disk)), boots('virt-v2v-in-place', false)),
    });
    return line('convert', 'virt-v2v-in-place without KVM', ratios(found.ours, found.theirs, 'ms'), {
      seconds: seconds(found.ours),
      theirSeconds: seconds(found.theirs),
      inspectSeconds: median(inspected.map(({ ms }) => ms)) / 1000,
    });
  } finally {
    virtV2v.end();
    await site.clear();
  }
}

/** @throws Error where the disk drivers are not in every initramfs; ours keeps the NIC's name and is asked for no more. */
const boots =
  (who: string, whole: boolean) =>
  ({ kernels, changes, nics }: Inspection): void => {
    if (kernels.length === 0 || kernels.some(({ drivers }) => !drivers.includes('virtio_blk')))
      throw new Error(`${who} left a kernel without its disk driver`);
    if (!whole) return;
    if (changes.length > 0) throw new Error(`${who} would still change ${changes.map(({ path }) => path).join(', ')}`);
    if (nics[0]?.name !== 'ens192') throw new Error(`${who} lost the NIC's name`);
  };

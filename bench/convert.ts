import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guestAnswerSchema, type Inspection } from '@tranship/contracts';
import { baseImage, rootOffset } from '../lab/guests/base.ts';
import { personalise } from '../lab/guests/personalise.ts';
import { asInImage } from '../lab/setup/cache.ts';
import { run } from '../lab/setup/shell.ts';
import { worldVmSchema } from '../lab/world/schema.ts';
import { seconds } from './copy.ts';
import { keptNic } from './kept-nic.ts';
import { type Line, line, type Measured, median, ratios, rounds } from './measure.ts';
import { Site, settle } from './tools.ts';
import { VirtV2v } from './virt-v2v.ts';
import { onXfs } from './xfs.ts';

const tool = fileURLToPath(new URL('../services/converter/acts/tool.ts', import.meta.url));
const mac = '00:50:56:aa:bb:77';
const nic = { mac, name: 'ens192', address: '192.168.76.77/24' };
const agent = ['qemu-guest-agent', 'libglib2.0-0', 'libffi8', 'liburing2', 'libnuma1'];
const deadlineMs = 1_200_000;
const vm = worldVmSchema.parse({
  name: 'bench-01',
  guest: 'debian-12',
  network: { mac, address: nic.address },
  disks: [{ sizeGB: 1 }],
});

/**
 * The same Debian with a static address, converted by ours and by virt-v2v-in-place, and then looked at: on ext4 by the direct
 * engine (the ratio) and by virt-v2v-in-place; on xfs by the mount engine, and by our rules through the appliance.
 */
export async function convert(count: number): Promise<Line> {
  const virtV2v = await VirtV2v.ready();
  const site = new Site();
  try {
    const [plain, mounted] = [site.target('ext4.raw'), site.target('xfs.raw')];
    const [disk, nics, media] = [site.target('guest.raw'), site.target('nics.json'), site.target('media/debian')];
    writeFileSync(nics, JSON.stringify([{ mac, addresses: [nic.address], slot: 192 }]));
    mkdirSync(media, { recursive: true });
    execFileSync('apt-get', ['download', '-q', ...agent], { cwd: media, stdio: 'ignore', timeout: 120_000 });
    await personalise(vm, await baseImage(vm), plain);
    onXfs(plain, mounted, site.target('mounts'));

    const ask = async (verb: string, engine: 'mount' | 'appliance'): Promise<Inspection> => {
      const args = [tool, verb, `--nics=${nics}`, `--media=${join(media, '..')}`, disk];
      const env = { ...virtV2v.environment, ...asInImage, TRANSHIP_MOUNT_ENGINE: String(engine === 'mount') };
      const answer = guestAnswerSchema.parse(
        JSON.parse((await run(process.execPath, args, { env, deadlineMs })).split('\n').at(-1)!),
      );
      if ('problem' in answer) throw new Error(`${verb}: ${answer.problem.detail}`);
      return answer.inspection;
    };
    const inspected: Measured[] = [];
    const theirNic: ReturnType<typeof keptNic>[] = [];
    const on = (image: string, work: () => Promise<unknown>, after: (found: Inspection) => void) => async () => {
      rmSync(disk, { force: true });
      execFileSync('cp', ['--sparse=always', image, disk], { timeout: 120_000 });
      settle();
      if (image === plain) inspected.push(await timed(() => ask('inspect', 'mount')));
      const measured = await timed(work);
      if (image === plain)
        execFileSync('e2fsck', ['-fn', `${disk}?offset=${rootOffset(vm)}`], { stdio: 'ignore', timeout: 120_000 });
      after(await ask('inspect', 'mount'));
      return measured;
    };
    const found = await rounds(count, {
      ours: on(plain, () => ask('convert', 'mount'), converted('ours', 'direct')),
      theirs: on(
        plain,
        () => virtV2v.convert(disk),
        (found) => {
          converted('virt-v2v-in-place')(found);
          theirNic.push(keptNic(found, nic));
        },
      ),
      mount: on(mounted, () => ask('convert', 'mount'), converted('ours', 'mount')),
      appliance: on(mounted, () => ask('convert', 'appliance'), converted('ours', 'mount')),
    });
    return line('convert', 'virt-v2v-in-place without KVM', ratios(found.ours, found.theirs, 'ms'), {
      seconds: seconds(found.ours),
      theirSeconds: seconds(found.theirs),
      theirNicName: Number(theirNic.every(({ name }) => name)),
      theirNicAddress: Number(theirNic.every(({ address }) => address)),
      inspectSeconds: seconds(inspected),
      mountRatio: median(ratios(found.mount, found.theirs, 'ms')),
      mountSeconds: seconds(found.mount),
      applianceRatio: median(ratios(found.appliance, found.theirs, 'ms')),
      applianceSeconds: seconds(found.appliance),
    });
  } finally {
    virtV2v.end();
    await site.clear();
  }
}

async function timed(work: () => Promise<unknown>): Promise<Measured> {
  const began = performance.now();
  await work();
  return { ms: performance.now() - began, cpuMs: 0 };
}

/** @throws Error where the disk drivers are not in every initramfs; ours keeps the NIC's name and address and is asked for no more. */
const converted =
  (who: string, engine?: string) =>
  (found: Inspection): void => {
    const { kernels, changes } = found;
    if (kernels.length === 0) throw new Error(`${who} left no kernel`);
    // It makes the initramfs anew; what we append to it stands behind what an inspection unpacks, and is no change any more.
    if (engine === undefined) {
      if (kernels.some(({ drivers }) => !drivers.includes('virtio_blk')))
        throw new Error(`${who} left a kernel without its disk driver`);
      return;
    }
    if (found.engine !== engine) throw new Error(`it was reached by ${found.engine}, not by ${engine}`);
    if (changes.length > 0) throw new Error(`${who} would still change ${changes.map(({ path }) => path).join(', ')}`);
    const kept = keptNic(found, nic);
    if (!kept.name || !kept.address) throw new Error(`${who} lost the NIC's ${kept.name ? 'address' : 'name'}`);
  };

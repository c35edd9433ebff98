import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { baseImage, rootOffset } from '../../lab/guests/base.ts';
import { personalise } from '../../lab/guests/personalise.ts';
import { installAppliance } from '../../lab/setup/packages.ts';
import { worldVmSchema } from '../../lab/world/schema.ts';
import { convertApart } from './acts/apart.ts';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { debugfs, folderOf, guestFiles, plainDisk } from './testing/image.ts';
import { lookInto, scatteredDisk, scatteredMiB } from './testing/scattered.ts';

const mib = 1024 ** 2;
/** The appliance and virt-v2v run in software here. */
const timeout = 1_200_000;
let folder: string;
let file: string;
beforeAll(installAppliance, 600_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-appliance-'));
  file = join(folder, 'disk.img');
  mkdirSync(join(folder, 'scratch'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');
const work = (nics: { mac: string; slot?: number; addresses: string[] }[], sizeBytes: number) => ({
  images: [{ index: 0, path: file, sizeBytes }],
  ...{ nics, mediaDir: folder, scratch: join(folder, 'scratch'), applianceEngine: true },
  ...{ signal: AbortSignal.timeout(timeout), tell: () => {} },
});

test('appliance - for a rehearsal the same guest is converted beside its disk: the overlay holds all of it, the disk not a byte', {
  timeout,
}, async () => {
  scatteredDisk(file, folder);
  const before = digest();
  const nics = ['5', '6'].map((end) => ({ mac: `00:50:56:aa:00:0${end}`, addresses: [`10.0.0.${end}`] }));
  const { overlays, ...told } = await convertApart(work(nics, scatteredMiB * mib), 'auto');
  expect(told).toMatchObject({ engine: 'appliance', os: expect.stringContaining('Debian') });
  expect(digest()).toBe(before);
  expect(readdirSync(join(folder, 'scratch'))).toEqual(['disk-0.qcow2']);
  const flat = join(folder, 'flat.img');
  execFileSync('qemu-img', ['convert', '-O', 'raw', overlays.get(0)!, flat], { timeout: 60_000 });
  lookInto(flat, 'root', folder, (at) => {
    const link = join(at, 'etc/systemd/network/10-tranship-ens192.link');
    expect(readFileSync(link, 'utf8')).toContain('MACAddress=00:50:56:aa:00:05');
  });
  lookInto(flat, 'boot', folder, (at) =>
    expect(readFileSync(join(at, 'grub/grub.cfg'), 'utf8')).toContain('console=ttyS0,115200'),
  );
});

test('virt-v2v - an initramfs that our rules cannot read is made anew by virt-v2v-in-place; then our rules keep the network', {
  timeout,
}, async () => {
  const nic = { mac: '00:50:56:aa:bb:77', slot: 192, addresses: ['192.168.76.77'] };
  const vm = worldVmSchema.parse({
    ...{ name: 'foreign-01', guest: 'debian-12', disks: [{ sizeGB: 1 }] },
    network: { mac: nic.mac, address: '192.168.76.77/24' },
  });
  await personalise(vm, await baseImage(vm), file);
  const disk = `${file}?offset=${rootOffset(vm)}`;
  const debugfs = (...commands: string[]) =>
    execFileSync('debugfs', ['-w', '-f', '-', disk], { input: commands.join('\n'), timeout: 60_000 }).toString();
  const initrd = /initrd\.img-\S+/.exec(debugfs('ls -p /boot').replaceAll('/', ' '))![0];
  const packed = join(folder, 'initrd');
  // As another maker's: a packing that no rule of ours unpacks.
  debugfs(`dump /boot/${initrd} ${packed}`);
  execFileSync('bzip2', [packed], { timeout: 120_000 });
  debugfs(`rm /boot/${initrd}`, `write ${packed}.bz2 /boot/${initrd}`);
  const before = digest();

  const { applianceEngine, ...near } = work([nic], 1024 * mib);
  const ids = (await inspectDisks(near)).concerns.map(({ id }) => id);
  expect(ids).toContain('guest.initramfs-unsupported');
  expect(digest()).toBe(before);

  const stages: string[] = [];
  const job = { scratchDir: join(folder, 'kept'), key: 'm/vm', now: () => performance.now(), warn: () => {} };
  const all = { ...near, applianceEngine, ...job, tell: (stage: string) => void stages.push(stage) };
  const done = await convertDisks(all);
  expect(done).toMatchObject({ engine: 'appliance', reason: expect.stringContaining('by virt-v2v-in-place') });
  const initramfs = done.changes.find(({ path }) => path === `/boot/${initrd}`);
  expect(initramfs?.digests?.before).toMatch(/^[0-9a-f]{64}$/);
  expect(initramfs?.digests?.after).toMatch(/^[0-9a-f]{64}$/);
  expect(initramfs?.digests?.after).not.toBe(initramfs?.digests?.before);
  expect(stages).toEqual(expect.arrayContaining([expect.stringMatching(/^Converting /), 'Checking what was written']));
  execFileSync('e2fsck', ['-fn', disk], { stdio: 'ignore', timeout: 120_000 });

  // The tools here read it now, and have nothing left to do to its network.
  const now = await inspectDisks(near);
  expect(now).toMatchObject({ supported: true, engine: 'direct' });
  expect(now.changes.map(({ path }) => path).filter((path) => /network|udev/.test(path))).toEqual([]);
  expect(now.kernels.every(({ drivers }) => drivers.includes('virtio_blk'))).toBe(true);
  expect(now.nics).toMatchObject([
    { mac: nic.mac, name: 'ens192', addresses: [expect.stringContaining('192.168.76.77')] },
  ]);
});

const quotas = ['-O', 'quota', '-I', '256'];
const labels = ['-I', '128'];
test.each([
  ['that keeps quotas', quotas],
  ['whose labels lie in blocks of their own', labels],
])(
  'appliance - an ext %s is converted by its kernel, sound and labelled as before',
  { timeout },
  async (_, options) => {
    const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
    const label = 'system_u:object_r:etc_t:s0';
    execFileSync('setfattr', ['-n', 'security.selinux', '-v', label, join(tree, 'etc/fstab')], { timeout: 20_000 });
    plainDisk(file, tree, options);
    const job = { scratchDir: join(folder, 'kept'), key: 'm/vm', now: () => performance.now(), warn: () => {} };
    const all = { ...work([{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }], 64 * mib), ...job };
    const done = await convertDisks(all);
    expect(done).toMatchObject({ engine: 'appliance', reason: expect.stringContaining('by our rules') });
    expect(done.changes.map(({ path }) => path)).toContain('/etc/fstab');
    execFileSync('e2fsck', ['-fn', `${file}?offset=${mib}`], { stdio: 'ignore', timeout: 120_000 });
    expect(debugfs(file, 1, ['ea_list /etc/fstab'])).toContain(label);
    expect(debugfs(file, 1, ['cat /etc/fstab'])).toContain('UUID=');
  },
);

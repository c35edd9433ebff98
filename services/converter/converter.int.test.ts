import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, Disk, Ledger, Root, runPass, summingOf } from '@tranship/blocks';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemorySource } from '../../libs/blocks/testing/source.ts';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { convertFiles, inspectFiles } from './acts/offline.ts';
import { rootsOf } from './adapters/roots.ts';
import { debugfs, folderOf, guestFiles, lvmDisk, plainDisk, version } from './testing/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-converter-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
const base = () => {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  return { nics, mediaDir: join(folder, 'none'), scratch, signal: AbortSignal.timeout(60_000) };
};
const image = (file: string, sizeMiB: number) => ({ index: 0, path: file, sizeBytes: sizeMiB * 1024 ** 2 });
const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const job = (file: string, sizeMiB: number, key = 'm/vm') => ({
  ...base(),
  images: [image(file, sizeMiB)],
  scratchDir: join(folder, 'kept'),
  key,
  now: () => performance.now(),
  warn: () => {},
});

test('lvm - inspected without a change: volumes, mounts, kernels, and every change with its diff', async () => {
  const file = join(folder, 'disk.img');
  lvmDisk(file, folder);
  const before = digest(file);
  const found = await inspectDisks({ ...base(), images: [image(file, 240)] });
  expect(found).toMatchObject({
    supported: true,
    engine: 'direct',
    os: { family: 'linux', id: 'debian', version: '12' },
    boot: { ways: ['bios'], loaders: ['grub2'] },
    network: { managers: ['ifupdown'] },
    nics: [{ mac: '00:50:56:aa:00:01', name: 'ens192' }],
    kernels: [{ version, madeBy: 'initramfs-tools', drivers: [] }],
    tools: ['open-vm-tools.service'],
  });
  expect(found.mounts.map(({ at, place }) => `${at} ${place}`)).toEqual(['/boot disk 0, partition 1', '/ my-vg/root']);
  expect(found.volumes.map(({ place, holds }) => `${place}: ${holds}`)).toContain('disk 0, partition 2: lvm');
  const changed = Object.fromEntries(found.changes.map(({ path, diff }) => [path, diff]));
  expect(changed['/boot/grub/grub.cfg']).toContain(
    '+ linux /vmlinuz root=/dev/mapper/my--vg-root ro console=ttyS0,115200 console=tty0',
  );
  expect(changed['/etc/systemd/network/10-tranship-ens192.link']).toContain('+Name=ens192');
  expect(digest(file)).toBe(before);
});

test('lvm - converted on both file systems, clean, with the labels kept; a second run changes nothing', async () => {
  const file = join(folder, 'disk.img');
  lvmDisk(file, folder);
  const label = 'ea_set /etc/systemd security.selinux "system_u:object_r:systemd_unit_file_t:s0"';
  const own = 'ea_set /etc/default/grub security.selinux "system_u:object_r:bootloader_etc_t:s0"';
  debugfs(file, 33, ['mkdir /etc/systemd', label, own, 'sif /etc/default/grub uid 7'], true);
  const done = await convertDisks(job(file, 240));
  expect(done).toMatchObject({ engine: 'direct', nics: [{ name: 'ens192' }] });
  const said = debugfs(file, 33, [
    `ea_get -f ${join(folder, 'label')} /etc/systemd/network/10-tranship-ens192.link security.selinux`,
    'ea_list /etc/default/grub',
    'stat /etc/default/grub',
  ]);
  expect(readFileSync(join(folder, 'label'), 'utf8')).toBe('system_u:object_r:systemd_unit_file_t:s0');
  expect(said).toContain('bootloader_etc_t');
  expect(said).toMatch(/User:\s+7/);
  expect(debugfs(file, 1, ['cat /grub/grub.cfg'])).toContain('console=ttyS0,115200');
  const after = digest(file);
  const again = await convertDisks(job(file, 240, 'm/other'));
  expect(again.changes).toEqual([]);
  expect(digest(file)).toBe(after);
});

test.each(['standard', 'sha256'] as const)(
  'roots - %s: that of the converted disk is told, and again by who asks again',
  async (grade) => {
    const file = join(folder, 'disk.img');
    lvmDisk(file, folder);
    const sizeBytes = 240 * 1024 ** 2;
    const scratchDir = join(folder, 'kept');
    mkdirSync(scratchDir);
    const summing = grade === 'sha256' ? summingOf('sha256') : crc32;
    const ledger = await Ledger.open(scratchDir, { vm: 'vm', disk: 0, key: 2000, sizeBytes, sums: summing.name });
    const sink = await Disk.file(file, sizeBytes);
    const source = new MemorySource(readFileSync(file));
    const request = { pass: 1, how: 'full' } as const;
    const { root: copied } = await runPass({ source: async () => source, sink, ledger, sizeBytes, request });
    await Promise.all([sink.close(), ledger.close()]);
    const disk = { index: 0, key: 2000, file: '[ds] a/a.vmdk', sizeBytes, storageClass: 'fast' } as const;
    const target = { ...disk, volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' } as const;
    const roots = rootsOf(scratchDir, { vm: 'vm', disks: [target], grade }, () => {});
    const convert = () => convertDisks({ ...job(file, 240), rootsOf: roots });
    const [told, ...others] = (await convert()).roots;
    expect(others).toEqual([]);
    const now = new Root(sizeBytes, summing);
    now.add(summing.sum(readFileSync(file)));
    expect(told).toMatchObject({ index: 0, root: now.hex() });
    expect(told!.root).not.toBe(copied);
    // Changed leaves alone are read: tens of 3840.
    expect(told!.leaves).toBeLessThan(400);
    expect((await convert()).roots).toEqual([told]);
  },
);

test.each([
  ['blocks', 'free_blocks_count 100', '/ of the guest needs'],
  ['inodes', 'free_inodes_count 1', '/ of the guest needs'],
])(
  'room - an ext4 without free %s is refused before anything is written; what is free is told',
  async (_, few, why) => {
    const file = join(folder, 'disk.img');
    plainDisk(file, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
    const free = Number(/^Free blocks: +(\d+)/m.exec(debugfs(file, 1, ['stats -h']))?.[1]);
    const size = Number(/^Block size: +(\d+)/m.exec(debugfs(file, 1, ['stats -h']))?.[1]);
    const whole = await inspectDisks({ ...base(), images: [image(file, 64)] });
    expect(whole.mounts).toMatchObject([{ at: '/', freeBytes: free * size }]);
    debugfs(file, 1, [`ssv ${few}`], true);
    const before = digest(file);
    await expect(convertDisks(job(file, 64))).rejects.toMatchObject({
      code: 'guest.no-space',
      detail: expect.stringContaining(why),
    });
    expect(digest(file)).toBe(before);
    expect(existsSync(join(folder, 'kept/disk-0.diverged'))).toBe(false);
  },
);

test('convert - what fails after the first write is put back to the last byte', async () => {
  const file = join(folder, 'disk.img');
  plainDisk(file, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  // The check of the whole file system comes last, and will not accept this count.
  debugfs(file, 1, ['sif /usr/lib/os-release links_count 7'], true);
  const before = digest(file);
  await expect(convertDisks(job(file, 64))).rejects.toThrow('e2fsck ends with 4');
  expect(digest(file)).toBe(before);
  expect(existsSync(join(folder, 'kept/disk-0.diverged'))).toBe(false);
});

test('convert - a dirty file system is told on inspection, and refused', async () => {
  const file = join(folder, 'disk.img');
  plainDisk(file, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  debugfs(file, 1, ['feature needs_recovery'], true);
  const found = await inspectDisks({ ...base(), images: [image(file, 64)] });
  expect(found).toMatchObject({
    supported: true,
    concerns: expect.arrayContaining([expect.objectContaining({ id: 'guest.dirty', category: 'warning' })]),
  });
  await expect(convertDisks(job(file, 64))).rejects.toMatchObject({ code: 'guest.dirty' });
  await expect(convertFiles({ ...base(), files: [file] })).rejects.toMatchObject({ code: 'guest.dirty' });
  // Nothing is left beside the disk.
  expect(existsSync(join(folder, '.disk.img.tranship'))).toBe(false);
});

test('inspect - systems out of reach are refused by name, empty disks are nothing to convert', async () => {
  const file = join(folder, 'disk.img');
  const first = async (put: (disk: Buffer) => void) => {
    plainDisk(file, folderOf(join(folder, 'empty'), { '/x': '' }));
    const disk = readFileSync(file);
    disk.fill(0, 1024 ** 2, 1024 ** 2 + 131072);
    put(disk.subarray(1024 ** 2));
    writeFileSync(file, disk);
    const { concerns, os, supported } = await inspectDisks({ ...base(), images: [image(file, 64)] });
    return `${concerns[0]?.id} ${os.family} ${supported}`;
  };
  expect(await first((at) => at.write('XFSB'))).toBe('guest.xfs-unsupported unknown false');
  expect(await first((at) => at.write('_BHRfS_M', 65536 + 64))).toBe('guest.btrfs-unsupported unknown false');
  expect(await first((at) => at.write('LUKS\xba\xbe', 'latin1'))).toBe('guest.luks-unsupported unknown false');
  expect(await first((at) => at.write('NTFS    ', 3))).toBe('guest.windows-unsupported windows false');
  expect(await first((at) => at.write('-FVE-FS-', 3))).toBe('guest.bitlocker-unsupported windows false');
  expect(await first((at) => at.writeUInt32LE(0xa92b4efc, 4096))).toBe('guest.raid-unsupported unknown false');
  writeFileSync(file, Buffer.alloc(1024 ** 2));
  expect(await inspectDisks({ ...base(), images: [image(file, 1)] })).toMatchObject({
    supported: true,
    os: { family: 'none' },
  });
});

test('tree - inspected and converted in its network and boot; links never lead out of it', async () => {
  const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.yaml'), 'network: {ethernets: {stolen0: {addresses: [10.0.0.5/24]}}}\n');
  symlinkSync(outside, join(tree, 'etc/netplan'));
  symlinkSync('../../../../../../../../..', join(tree, 'etc/NetworkManager'));
  rmSync(join(tree, 'etc/systemd'), { recursive: true, force: true });
  symlinkSync('/away', join(tree, 'etc/systemd'));
  mkdirSync(join(tree, 'away'));
  const answer = await inspectFiles({ ...base(), files: [tree] });
  expect(answer).toMatchObject({
    written: 'nowhere',
    inspection: { engine: 'tree', network: { managers: ['ifupdown'] } },
  });
  await convertFiles({ ...base(), files: [tree] });
  // The guest's own link, from the guest's own root.
  expect(readFileSync(join(tree, 'away/network/10-tranship-ens192.link'), 'utf8')).toContain('Name=ens192');
  expect(readFileSync(join(tree, 'boot/grub/grub.cfg'), 'utf8')).toContain('console=ttyS0');
  expect(existsSync(join(outside, 'network'))).toBe(false);
});

test('image - qcow2 is looked into, and refused for conversion with the way out; one that refers elsewhere is not opened', async () => {
  const raw = join(folder, 'a.raw');
  plainDisk(raw, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  const qcow2 = join(folder, 'a.qcow2');
  const run = (...args: string[]) => execFileSync('qemu-img', args, { timeout: 30_000, stdio: 'ignore' });
  run('convert', '-O', 'qcow2', raw, qcow2);
  expect(await inspectFiles({ ...base(), files: [qcow2] })).toMatchObject({ inspection: { supported: true } });
  await expect(convertFiles({ ...base(), files: [qcow2] })).rejects.toMatchObject({ code: 'guest.image' });
  const child = join(folder, 'child.qcow2');
  run('create', '-f', 'qcow2', '-F', 'raw', '-b', raw, child);
  await expect(inspectFiles({ ...base(), files: [child] })).rejects.toThrow('refers to another file');
  const overlay = join(folder, 'overlay.qcow2');
  const before = digest(raw);
  const said = (await inspectFiles({ ...base(), files: [raw] })) as { inspection: object };
  const inspection = { ...said.inspection, seconds: expect.any(Number) };
  expect(await convertFiles({ ...base(), files: [raw], overlay })).toEqual({ written: 'overlay', inspection });
  expect(digest(raw)).toBe(before);
  const flat = join(folder, 'flat.raw');
  run('convert', '-O', 'raw', overlay, flat);
  expect(debugfs(flat, 1, ['cat /boot/grub/grub.cfg'])).toContain('console=ttyS0,115200');
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderFs } from '../adapters/folder-fs.ts';
import { espType } from '../domain/partitions.ts';
import type { Volume } from '../domain/volumes.ts';
import { folderOf } from '../testing/image.ts';
import { extDisk, osReleases } from '../testing/tree.ts';
import { findRoot, openGuest } from './find.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-find-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [plain] = extDisk().volumes as [Volume];
const volume: Volume = { ...plain, fileSystem: { kind: 'btrfs', uuid: 'b7', label: '' } };
const disk = { ...extDisk(), path: '/none', volumes: [volume] };
const probe = { disks: [disk], unreached: [] };
/** As subvolumes of one file system, which is a folder here. */
const open = (subvolumes: readonly string[]) =>
  Object.assign((_: Volume, subvolume = '') => new FolderFs(join(folder, subvolume), join(folder, 'scratch')), {
    subvolumes: async () => [...subvolumes],
  });
const system = (at: string, fstab: string) => ({
  [`${at}/usr/lib/os-release`]: osReleases.debian,
  [`${at}/etc/fstab`]: fstab,
});

test('btrfs - the root is the subvolume that says so itself; kept copies of it name another', async () => {
  const fstab = 'UUID=b7 / btrfs defaults,subvol=@ 0 1\nUUID=b7 /var btrfs subvol=/@var 0 0\n';
  folderOf(folder, {
    ...system('@', fstab),
    ...system('kept/@', fstab),
    '@var/lib/dhcp/a.leases': 'lease {}\n',
  });
  const way = open(['kept/@', '@', '@var']);
  const verdict = await findRoot(probe, way);
  expect(verdict).toMatchObject({ kind: 'root', root: { subvolume: '@' } });
  if (verdict.kind !== 'root') return;
  const guest = await openGuest(verdict.root, probe, way);
  expect((await guest.list(['/var/lib/dhcp'])).get('/var/lib/dhcp')?.map(({ name }) => name)).toEqual(['a.leases']);
});

test('btrfs - a system in the default subvolume is the root, whatever copies there are', async () => {
  folderOf(folder, {
    ...system('', 'UUID=b7 / btrfs defaults 0 1\n'),
    ...system('@', 'UUID=b7 / btrfs subvol=@ 0 1\n'),
  });
  const verdict = await findRoot(probe, open(['@']));
  expect(verdict).toMatchObject({ kind: 'root' });
  expect(verdict).not.toHaveProperty('root.subvolume');
});

test('reached - a volume that was looked into and holds no system is no reason to ask for another engine', async () => {
  folderOf(folder, { '/data': '' });
  expect(await findRoot(probe, open([]))).toMatchObject({ refusal: { code: 'guest.os-unsupported' } });
  expect(await findRoot(probe, () => undefined)).toMatchObject({ refusal: { code: 'guest.btrfs-unsupported' } });
});

test('esp - the partition of UEFI is mounted once where fstab mounts it, and where nothing does', async () => {
  const root = extDisk().volumes[0]!;
  const esp: Volume = {
    ...{ disk: 0, offset: 2 ** 30, length: 2 ** 26, partition: { ...root.partition!, number: 2, type: espType } },
    fileSystem: { kind: 'vfat', uuid: 'E5-00', label: '' },
  };
  const found = { disks: [{ ...extDisk(), path: '/none', volumes: [root, esp] }], unreached: [] };
  for (const line of ['UUID=E5-00 /boot/efi vfat umask=0077 0 1\n', '']) {
    folderOf(folder, system('', line));
    const way = open([]);
    const { mounts } = await openGuest({ volume: root, osRelease: osReleases.debian }, found, way);
    expect(mounts.map(({ at }) => at).sort()).toEqual(['/', '/boot/efi']);
  }
});

test('several systems - are refused by their places, whichever of them is meant', async () => {
  const disks = [extDisk(0), extDisk(1)].map((each) => ({ ...each, path: '/none' }));
  folderOf(folder, { ...system('0', ''), ...system('1', '') });
  const each = ({ disk: index }: Volume) => new FolderFs(join(folder, String(index)), join(folder, 'scratch'));
  expect(await findRoot({ disks, unreached: [] }, each)).toMatchObject({
    kind: 'unsupported',
    refusal: {
      code: 'guest.multi-boot-unsupported',
      detail: expect.stringMatching(/disk 0, partition 1; disk 1, partition 1$/),
    },
  });
});

test('lvm - volumes out of reach are refused by their names: where no system was found, and where the system mounts one', async () => {
  const group: Volume = { ...plain, fileSystem: { kind: 'lvm', uuid: '', label: '' } };
  const unreached = [{ group: 'vg-0', name: 'var', kind: 'striped', why: 'striped is not reached' }];
  const alone = { disks: [{ ...extDisk(), path: '/none', volumes: [group] }], unreached };
  expect(await findRoot(alone, () => undefined)).toMatchObject({
    refusal: { code: 'guest.lvm-unsupported', detail: 'vg-0/var: striped is not reached' },
  });
  folderOf(folder, system('', '/dev/vg-0/var /var ext4 defaults 0 2\n'));
  const beside = { disks: [{ ...extDisk(), path: '/none' }], unreached };
  const root = { volume: beside.disks[0]!.volumes[0]!, osRelease: osReleases.debian };
  await expect(openGuest(root, beside, open([]))).rejects.toMatchObject({
    code: 'guest.lvm-unsupported',
    detail: 'its /var is /dev/vg-0/var, which is not reached: striped is not reached',
  });
});

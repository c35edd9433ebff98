import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { probeDisks } from './adapters/disks.ts';
import { btrfsDisk, folderOf, guestFiles, xfsDisk } from './testing/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-mount-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const work = (file: string, mountEngine: boolean) => {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  const images = [{ index: 0, path: file, sizeBytes: 340 * 1024 ** 2 }];
  const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
  return { images, nics, mediaDir: folder, scratch, mountEngine, signal: AbortSignal.timeout(120_000) };
};

const jobOf = (file: string) => ({
  ...work(file, true),
  scratchDir: join(folder, 'kept'),
  key: 'm/vm',
  now: () => performance.now(),
  warn: () => {},
});

test('mount - a root on xfs is refused, unless the mount engine is allowed: then converted, with labels, and nothing else', async () => {
  const file = join(folder, 'disk.img');
  xfsDisk(file, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1', 'xfs')), folder);
  expect(await inspectDisks(work(file, false))).toMatchObject({
    supported: false,
    concerns: [{ id: 'guest.xfs-unsupported' }],
  });
  const before = digest(file);
  const found = await inspectDisks(work(file, true));
  expect(found).toMatchObject({ supported: true, engine: 'mount', os: { id: 'debian' } });
  expect(digest(file)).toBe(before);
  const job = jobOf(file);
  const done = await convertDisks(job);
  expect(done).toMatchObject({
    engine: 'mount',
    reason: expect.stringContaining('/ (xfs)'),
    nics: [{ name: 'ens192' }],
  });
  const after = digest(file);
  expect((await convertDisks({ ...job, key: 'm/other' })).changes).toEqual([]);
  expect(digest(file)).toBe(after);
  const part = join(folder, 'part');
  writeFileSync(part, readFileSync(file).subarray(1024 ** 2));
  truncateSync(part, 320 * 1024 ** 2);
  execFileSync('xfs_repair', ['-n', '-f', part], { timeout: 60_000, stdio: 'ignore' });
  expect(probeDisks(job.images).disks[0]?.volumes[0]?.fileSystem?.kind).toBe('xfs');
});

test('mount - btrfs: the system is found in its subvolume and converted there, the others are left; a subvolume for /boot is refused', async () => {
  const file = join(folder, 'disk.img');
  const files = guestFiles('/dev/sda1', 'btrfs');
  const fstab = '/dev/sda1 / btrfs subvol=@rootfs 0 0\n/dev/sda1 /var btrfs subvol=@var 0 0\n';
  btrfsDisk(file, folderOf(join(folder, 'tree'), { ...files, '/etc/fstab': fstab }), folder);
  expect(await inspectDisks(work(file, false))).toMatchObject({
    supported: false,
    concerns: [{ id: 'guest.btrfs-unsupported' }],
  });
  const job = jobOf(file);
  expect(await convertDisks(job)).toMatchObject({ engine: 'mount', nics: [{ name: 'ens192' }] });
  const after = digest(file);
  expect((await convertDisks({ ...job, key: 'm/other' })).changes).toEqual([]);
  expect(digest(file)).toBe(after);
  const part = join(folder, 'btrfs');
  writeFileSync(part, readFileSync(file).subarray(1024 ** 2));
  execFileSync('btrfs', ['check', '--readonly', part], { timeout: 60_000, stdio: 'ignore' });
  const apart = join(folder, 'apart.img');
  const boot = { ...files, '/etc/fstab': `${fstab}/dev/sda1 /boot btrfs subvol=@boot 0 0\n` };
  btrfsDisk(apart, folderOf(join(folder, 'other'), boot), mkdtempSync(join(folder, 'work-')));
  expect(await inspectDisks(work(apart, true))).toMatchObject({
    supported: false,
    concerns: [{ id: 'guest.btrfs-unsupported', why: expect.stringContaining('/boot') }],
  });
});

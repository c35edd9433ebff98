import type { Inspection } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { factLines, guestLines, inspectionLines } from './guest.ts';

const found: Inspection = {
  os: { family: 'linux', id: 'debian', name: 'Debian GNU/Linux 12', version: '12', arch: 'x86_64' },
  supported: true,
  engine: 'direct',
  disks: [{ index: 0, sizeBytes: 1024 ** 3, table: 'mbr', bootCode: true }],
  volumes: [
    {
      disk: 0,
      place: 'disk 0, partition 1',
      offset: 1024 ** 2,
      sizeBytes: 1024 ** 3,
      holds: 'ext',
      freeBytes: 1024 ** 2,
    },
  ],
  mounts: [{ at: '/', place: 'disk 0, partition 1', freeBytes: 1024 ** 2 }],
  boot: { ways: ['bios'], loaders: ['grub2'] },
  kernels: [
    { version: '6.1', initramfs: '/boot/initrd.img-6.1', madeBy: 'dracut', drivers: ['virtio_blk'], missing: [] },
  ],
  fragile: [{ file: '/etc/fstab', device: '/dev/sda1' }],
  network: { managers: ['ifupdown'], configs: [] },
  nics: [{ mac: '00:50:56:aa:00:01', name: 'ens192', addresses: ['10.0.0.5'] }],
  tools: [],
  concerns: [
    {
      id: 'guest.agent',
      category: 'information',
      label: 'No agent',
      why: 'none was given',
      fix: 'give one',
      path: 'guest',
    },
  ],
  changes: [{ path: '/etc/fstab', before: 'a', after: 'b', diff: '@@ -1,1 +1,1 @@\n-/dev/sda1\n+UUID=1' }],
  seconds: 0.5,
};

test('guest - told in sections, the changes as diffs, the verdict last', () => {
  const lines = guestLines(found, 'nowhere');
  expect(lines).toContain('disk 0, partition 1   ext   1.0 GiB   1.0 MiB free   /');
  expect(lines).toContain('fragile    /dev/sda1 (/etc/fstab)');
  expect(lines.slice(lines.indexOf('WOULD CHANGE'))).toEqual([
    'WOULD CHANGE',
    '/etc/fstab',
    '  --- sha256 a',
    '  +++ sha256 b',
    '  @@ -1,1 +1,1 @@',
    '  -/dev/sda1',
    '  +UUID=1',
    '',
    'it can be converted: 1 file would change (looked through in 0.5 s)',
  ]);
});

test('guest - what stands in the way is the verdict', () => {
  expect(guestLines({ ...found, supported: false }, 'nowhere').at(-1)).toBe(
    'it cannot be converted: see the critical concerns',
  );
  expect(guestLines(found, 'overlay').at(-1)).toBe('converted in 0.5 s: 1 file, in the overlay');
});

test('guest - inspected as a copy: what it is, what is of concern, each change with its diff, the verdict last', () => {
  const lines = inspectionLines(found);
  expect(lines[0]).toBe('Debian GNU/Linux 12, to be converted by direct');
  expect(lines).toEqual(expect.arrayContaining(['  fix: give one', 'WOULD CHANGE', '/etc/fstab', '  +UUID=1']));
  expect(lines.at(-1)).toContain('1 file would change');
  expect(inspectionLines({ ...found, supported: false, engine: 'none', changes: [] }).at(-1)).toContain('cannot');
});

test('guest - by a migration’s status: the files by their names, and how many there are', () => {
  const { changes: _, ...rest } = found;
  const lines = factLines({ ...rest, files: { count: 3, paths: ['/etc/fstab', '/etc/a\nb'] } });
  expect(lines.slice(lines.indexOf('WOULD CHANGE'))).toEqual([
    ...['WOULD CHANGE', '/etc/fstab', '/etc/a\uFFFDb', '… 1 more', ''],
    'it can be converted: 3 files would change (looked through in 0.5 s)',
  ]);
});

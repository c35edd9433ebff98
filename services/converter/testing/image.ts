import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { cpio } from '../domain/cpio.ts';
import { osReleases } from './tree.ts';

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
export const version = '6.1.0-test';
export const bootUuid = '8f0e1c1a-0000-4000-8000-00000000b007';

/** The first MiB of a physical volume of 200 MiB as LVM's own tools wrote it: my-vg with root (80 MiB from its first extent on), swap-1, and split in two runs. */
export const physicalVolume = () =>
  gunzipSync(Buffer.from(readFileSync(new URL('fixtures/pv-my-vg.gz.b64', import.meta.url), 'utf8'), 'base64'));

export const guestFiles = (root: string, type = 'ext4'): Record<string, string | Buffer> => ({
  '/usr/lib/os-release': osReleases.debian,
  '/etc/fstab': `${root} / ${type} defaults 0 1\n`,
  '/etc/default/grub': 'GRUB_CMDLINE_LINUX=""\n',
  '/etc/initramfs-tools/modules': '# list\n',
  '/etc/network/interfaces': 'auto ens192\niface ens192 inet static\n address 10.0.0.5/24\n',
  '/etc/udev/rules.d/.keep': '',
  '/lib/systemd/network/99-default.link': '[Match]\nOriginalName=*\n',
  '/lib/systemd/system/open-vm-tools.service': '[Unit]\n',
  '/boot/grub/grub.cfg': `menuentry x {\n linux /vmlinuz root=${root} ro\n}\n`,
  [`/boot/initrd.img-${version}`]: gzipSync(
    cpio([{ path: 'conf' }, { path: 'conf/arch.conf', content: Buffer.from('DPKG_ARCH=amd64\n') }]),
  ),
  ...moduleFiles(),
});

function moduleFiles(): Record<string, string> {
  const folder = `/lib/modules/${version}`;
  const modules = ['virtio/virtio_pci', 'block/virtio_blk'].map((name) => `kernel/drivers/${name}.ko`);
  return {
    [`${folder}/modules.dep`]: modules.map((path) => `${path}:\n`).join(''),
    ...Object.fromEntries(modules.map((path) => [`${folder}/${path}`, `module ${path}`])),
  };
}

/** Writes files into a new folder. */
export function folderOf(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

export function writeAt(file: string, bytes: Buffer, offset: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

export function partitioned(
  file: string,
  parts: readonly { type: number; at: number; size: number }[],
  sizeMiB: number,
): void {
  writeFileSync(file, '');
  truncateSync(file, sizeMiB * mib);
  const sector = Buffer.alloc(512);
  sector.fill(0x90, 0, 16);
  for (const [i, { type, at, size }] of parts.entries()) {
    sector[446 + 16 * i] = i === 0 ? 0x80 : 0;
    sector[450 + 16 * i] = type;
    sector.writeUInt32LE((at * mib) / 512, 454 + 16 * i);
    sector.writeUInt32LE((size * mib) / 512, 458 + 16 * i);
  }
  sector.writeUInt16LE(0xaa55, 510);
  writeAt(file, sector, 0);
}

/** ext4 from a folder, at an offset of a file, everything root's, without mounting. */
export function ext4(file: string, folder: string, at: number, size: number, more: readonly string[] = []): void {
  const options = ['-q', '-F', '-t', 'ext4', '-E', `offset=${at * mib},root_owner=0:0`, '-d', folder];
  execFileSync('mke2fs', [...options, ...more, file, `${size}M`], { env, timeout: 60_000 });
}

/** `options`: more of mke2fs'. */
export function plainDisk(file: string, folder: string, options: readonly string[] = []): void {
  partitioned(file, [{ type: 0x83, at: 1, size: 60 }], 64);
  ext4(file, folder, 1, 60, options);
}

/** xfs cannot be filled without a mount but by a prototype file: plain files, root's, with the label of SELinux left out. */
export function xfsDisk(file: string, folder: string, work: string): void {
  partitioned(file, [{ type: 0x83, at: 1, size: 320 }], 340);
  const part = join(work, 'xfs');
  writeFileSync(part, '');
  truncateSync(part, 320 * mib);
  writeFileSync(join(work, 'prototype'), `none\n0 0\nd--755 0 0\n${prototype(folder)}$\n`);
  execFileSync('mkfs.xfs', ['-q', '-p', join(work, 'prototype'), part], { env, timeout: 60_000 });
  writeAt(file, readFileSync(part), mib);
}

/** btrfs as Debian's installer makes it: the system in a subvolume of a name of its own, /home and /var in others. Needs a mount. */
export function btrfsDisk(file: string, folder: string, work: string): void {
  partitioned(file, [{ type: 0x83, at: 1, size: 320 }], 340);
  const part = join(work, 'btrfs');
  writeFileSync(part, '');
  truncateSync(part, 320 * mib);
  execFileSync('mkfs.btrfs', ['-q', part], { env, timeout: 60_000 });
  const fill = [
    'set -e; mkdir "$1.at"; mount -o loop "$1" "$1.at"; cd "$1.at"',
    'for each in @rootfs @home @var; do btrfs -q subvolume create "$each"; done',
    'cp -r "$2/." @rootfs/; chown -R 0:0 .; cd /; umount "$1.at"',
  ].join('\n');
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', fill, 'sh', part, folder], {
    env,
    timeout: 60_000,
  });
  writeAt(file, readFileSync(part), mib);
}

export const prototype = (folder: string): string =>
  readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory()
        ? `${entry.name} d--755 0 0\n${prototype(path)}$\n`
        : `${entry.name} ---644 0 0 ${path}\n`;
    })
    .join('');

/** /boot on a partition of its own, and the root on a logical volume. */
export function lvmDisk(file: string, work: string): void {
  const all = guestFiles('/dev/mapper/my--vg-root');
  const boot = Object.entries(all).filter(([path]) => path.startsWith('/boot/'));
  const rest = Object.entries(all).filter(([path]) => !path.startsWith('/boot/'));
  const root = folderOf(join(work, 'root'), {
    ...Object.fromEntries(rest),
    '/etc/fstab': `/dev/my-vg/root / ext4 defaults 0 1\nUUID=${bootUuid} /boot ext4 defaults 0 2\n/dev/my-vg/swap-1 none swap sw 0 0\n`,
    '/boot/.keep': '',
  });
  const below = folderOf(
    join(work, 'boot'),
    Object.fromEntries(boot.map(([path, content]) => [path.slice('/boot'.length), content])),
  );
  partitioned(
    file,
    [
      { type: 0x83, at: 1, size: 31 },
      { type: 0x8e, at: 32, size: 200 },
    ],
    240,
  );
  writeAt(file, physicalVolume(), 32 * mib);
  ext4(file, below, 1, 31, ['-U', bootUuid]);
  ext4(file, root, 33, 80);
}

/** Commands for debugfs on the file system at an offset; its output. */
export const debugfs = (file: string, at: number, commands: readonly string[], write = false): string =>
  execFileSync('debugfs', [...(write ? ['-w'] : []), '-f', '-', `${file}?offset=${at * mib}`], {
    input: `${commands.join('\n')}\n`,
    env,
    timeout: 30_000,
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString();

/**
 * Makes commands of debugfs known to the journal of an ext4 alone: what they do to the file system's own books stands
 * there as one transaction, as with a guest that was cut off.
 */
export function journalled(file: string, at: number, work: string, commands: readonly string[]): void {
  const after = join(work, 'after.img');
  cpSync(file, after);
  debugfs(after, at, commands, true);
  const size = Number(/^Block size: +(\d+)/m.exec(debugfs(file, at, ['stats -h']))?.[1]);
  const [old, now] = [readFileSync(file), readFileSync(after)];
  const changed: { block: number; bytes: Buffer }[] = [];
  for (let offset = at * mib, block = 0; offset + size <= now.length; offset += size, block++) {
    const bytes = now.subarray(offset, offset + size);
    if (!bytes.equals(old.subarray(offset, offset + size))) changed.push({ block, bytes });
  }
  const blocks = join(work, 'blocks');
  writeFileSync(blocks, Buffer.concat(changed.map(({ bytes }) => bytes)));
  const list = changed.map(({ block }) => block).join(',');
  debugfs(file, at, ['jo', `jw -b ${list} ${blocks}`, 'jc'], true);
}

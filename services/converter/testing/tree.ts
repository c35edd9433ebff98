import type { Facts } from '../domain/facts.ts';
import type { Kernel } from '../domain/initramfs.ts';
import { neededModules } from '../domain/modules.ts';
import type { Nic } from '../domain/nic-names.ts';
import { parseOsRelease } from '../domain/os-release.ts';
import type { Whole } from '../domain/part.ts';
import type { Disk } from '../domain/volumes.ts';

export const osReleases = {
  debian: 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
  ubuntu: 'ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 24.04 LTS"\nVERSION_ID="24.04"\n',
  rocky: 'ID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\nVERSION_ID="9.4"\n',
  suse: 'ID="sles"\nID_LIKE="suse"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP5"\nVERSION_ID="15.5"\n',
} as const;

interface Given {
  readonly os?: keyof typeof osReleases;
  readonly nics?: readonly Nic[];
  readonly kernels?: readonly Kernel[];
  readonly disks?: readonly Disk[];
  /** Without it udev knows no .link files. */
  readonly links?: boolean;
}

/** A guest of these files; what is to be there of others without a content, by an empty text. */
export function tree(files: Readonly<Record<string, string>>, given: Given = {}): Facts {
  const { os = 'debian', nics = [], kernels = [], disks = [], links = true } = given;
  const all = {
    '/etc/udev/rules.d/README': '',
    ...(links ? { '/lib/systemd/network/99-default.link': '' } : {}),
    ...files,
  };
  const paths = Object.keys(all);
  return {
    os: parseOsRelease(osReleases[os]),
    nics,
    disks,
    kernels,
    media: [],
    files: new Map(Object.entries(all).map(([path, text]) => [path, Buffer.from(text)])),
    has: (path) => paths.some((each) => each === path || each.startsWith(`${path}/`)),
    place: (path) => path,
  };
}

/** The text that a plan gives to a file; undefined: it leaves it alone. */
export function textIn({ changes }: Pick<Whole, 'changes'>, path: string): string | undefined {
  const change = changes.find((each) => each.path === path);
  return change && 'content' in change ? change.content.toString('utf8') : undefined;
}

/** A kernel whose virtio is modules, with an initramfs that has none of them. */
export function kernel(given: Partial<Kernel> & { suffix?: string; builtin?: string } = {}): Kernel {
  const { suffix = '.ko', builtin = '', ...rest } = given;
  const file = (path: string) => `kernel/drivers/${path}${suffix}`;
  const dep = [
    `${file('virtio/virtio')}:`,
    `${file('virtio/virtio_ring')}:`,
    `${file('virtio/virtio_pci')}: ${file('virtio/virtio_ring')} ${file('virtio/virtio')}`,
    `${file('block/virtio_blk')}: ${file('virtio/virtio_ring')} ${file('virtio/virtio')}`,
    `${file('scsi/sd_mod')}:`,
    '',
  ].join('\n');
  const needed = neededModules(dep, builtin);
  return {
    version: '6.1.0',
    initrd: '/boot/initrd.img-6.1.0',
    holds: ['scripts/functions', 'conf/arch.conf', `usr/lib/modules/6.1.0/${file('scsi/sd_mod')}`],
    texts: new Map([['conf/modules', 'sd_mod\n']]),
    needed,
    files: new Map([
      ['modules.dep', Buffer.from(dep)],
      ['modules.alias.bin', Buffer.from('aliases')],
      ...needed.files.map((name): [string, Buffer] => [name, Buffer.from(`module ${name}`)]),
    ]),
    ...rest,
  };
}

/** A disk with one partition that holds ext. */
export function extDisk(index = 0, uuid = `0000-${index}`): Disk {
  const partition = { number: 1, offset: 1048576, length: 1024 ** 3, type: '83', uuid: `id-0${index}`, active: true };
  const fileSystem = { kind: 'ext' as const, uuid, label: '' };
  return {
    index,
    sizeBytes: 2 * 1024 ** 3,
    table: { kind: 'mbr', bootCode: true, partitions: [partition] },
    volumes: [{ disk: index, offset: partition.offset, length: partition.length, partition, fileSystem }],
  };
}

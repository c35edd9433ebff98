import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folderOf, guestFiles, partitioned, physicalVolume, prototype, writeAt } from './image.ts';

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
const options = { env, timeout: 60_000, stdio: 'ignore' } as const;
const run = (program: string, ...args: string[]) => execFileSync(program, args, options);
const [root, boot, group] = [1, 301, 621];
const [rootUuid, bootUuid] = ['5f0e1c1a-0000-4000-8000-0000000000a1', '5f0e1c1a-0000-4000-8000-0000000000b1'];
export const scatteredMiB = 822;
export const label = 'system_u:object_r:systemd_unit_file_t:s0';

const lease = (name: string, address: string) => `lease {\n  interface "${name}";\n  fixed-address ${address};\n}\n`;

/**
 * A guest that no tool here reaches: its root a subvolume of btrfs beside a copy of it, /boot on xfs, and /var, which alone
 * tells its NICs apart, on a logical volume in two runs. Made with the node's own kernel.
 */
export function scatteredDisk(file: string, work: string): void {
  const all = guestFiles(`UUID=${rootUuid}`, 'btrfs');
  const split = (inside: (path: string) => boolean, strip: string) =>
    Object.fromEntries(
      Object.entries(all).flatMap(([path, content]) => (inside(path) ? [[path.slice(strip.length), content]] : [])),
    );
  const tree = folderOf(join(work, 'root'), {
    ...split((path) => !path.startsWith('/boot/'), ''),
    '/etc/fstab': `UUID=${rootUuid} / btrfs defaults,subvol=@ 0 1\nUUID=${bootUuid} /boot xfs defaults 0 2\n/dev/mapper/my--vg-split /var ext4 defaults 0 2\n`,
    '/etc/network/interfaces': 'auto ens192 ens224\niface ens192 inet dhcp\niface ens224 inet dhcp\n',
    '/etc/systemd/network/.keep': '',
    '/etc/netplan/it\'s "odd"\\ ;|!\n$(x).yaml': 'network: {}\n',
    '/boot/.keep': '',
    '/var/.keep': '',
  });
  partitioned(
    file,
    [
      { type: 0x83, at: root, size: boot - root },
      { type: 0x83, at: boot, size: group - boot },
      { type: 0x8e, at: group, size: 200 },
    ],
    scatteredMiB,
  );
  put(file, btrfs(tree, work), root);
  put(
    file,
    xfs(
      folderOf(
        join(work, 'boot'),
        split((path) => path.startsWith('/boot/'), '/boot'),
      ),
      work,
    ),
    boot,
  );
  writeAt(file, physicalVolume(), group * mib);
  const leases = {
    '/lib/dhcp/dhclient.ens192.leases': lease('ens192', '10.0.0.5'),
    '/lib/dhcp/dhclient.ens224.leases': lease('ens224', '10.0.0.6'),
  };
  const variable = blank(join(work, 'var.img'), 16);
  run('mke2fs', '-q', '-F', '-t', 'ext4', '-d', folderOf(join(work, 'var'), leases), variable);
  // Extents of 4 MiB: the 24th and 25th, then the 30th and 31st.
  for (const [from, extent] of [
    [0, 24],
    [8, 30],
  ] as const)
    run(
      'dd',
      `if=${variable}`,
      `of=${file}`,
      'bs=1M',
      `skip=${from}`,
      'count=8',
      `seek=${group + 1 + 4 * extent}`,
      'conv=notrunc',
    );
}

function btrfs(tree: string, work: string): string {
  const [part, at] = [blank(join(work, 'btrfs.img'), boot - root), join(work, 'mounted')];
  run('mkfs.btrfs', '-q', '-U', rootUuid, part);
  mkdirSync(at);
  run('mount', '-o', 'loop', part, at);
  try {
    mkdirSync(join(at, 'kept'));
    run('btrfs', 'subvolume', 'create', join(at, '@'));
    run('cp', '-a', `${tree}/.`, join(at, '@'));
    run('chown', '7:7', join(at, '@/etc/default/grub'));
    run('setfattr', '-n', 'security.selinux', '-v', label, join(at, '@/etc/systemd/network'));
    run('btrfs', 'subvolume', 'snapshot', join(at, '@'), join(at, 'kept/@'));
  } finally {
    run('umount', at);
  }
  return part;
}

function xfs(tree: string, work: string): string {
  const part = blank(join(work, 'xfs.img'), group - boot);
  writeFileSync(join(work, 'prototype'), `none\n0 0\nd--755 0 0\n${prototype(tree)}$\n`);
  run('mkfs.xfs', '-q', '-m', `uuid=${bootUuid}`, '-p', join(work, 'prototype'), part);
  return part;
}

/** Looks into one of its file systems with the node's own kernel. */
export function lookInto(file: string, what: 'root' | 'boot', work: string, use: (at: string) => void): void {
  const at = join(work, `look-${what}`);
  mkdirSync(at);
  const [start, end] = what === 'root' ? [root, boot] : [boot, group];
  const place = `loop,ro,offset=${start * mib},sizelimit=${(end - start) * mib}`;
  run('mount', '-o', what === 'root' ? `${place},subvol=@` : `${place},norecovery`, file, at);
  try {
    use(at);
  } finally {
    run('umount', at);
  }
}

function blank(file: string, sizeMiB: number): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  truncateSync(file, sizeMiB * mib);
  return file;
}

const put = (disk: string, part: string, at: number) =>
  run('dd', `if=${part}`, `of=${disk}`, 'bs=1M', `seek=${at}`, 'conv=notrunc,sparse');

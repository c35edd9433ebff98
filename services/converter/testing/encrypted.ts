import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cpio } from '../domain/cpio.ts';
import { bootUuid, ext4, folderOf, guestFiles, partitioned, physicalVolume, version } from './image.ts';

const mib = 1024 ** 2;
const [boot, root, data] = [1, 32, 248];
const [bootMiB, rootMiB, dataMiB] = [31, 216, 8];
export const encryptedMiB = 256;
/** Where /boot begins, MiB. */
export const bootAt = boot;
export const rootUuid = '5f0e1c1a-0000-4000-8000-0000000000c2';
/** No word of them may be seen anywhere. */
export const passphrases = { root: 'sesame opens the root', var: 'sesame opens /var too', data: 'sesame that is lost' };

const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
const run = (program: string, args: readonly string[], input?: string) =>
  execFileSync(program, args, {
    env,
    timeout: 120_000,
    stdio: ['pipe', 'ignore', 'ignore'],
    ...(input ? { input } : {}),
  });

/**
 * A guest whose /boot alone is plain: LUKS2 with a volume group in it, that holds the root and, encrypted once more (LUKS1),
 * /var, which alone tells its NICs apart; and a further encrypted partition that nothing mounts. Made without device-mapper.
 */
export function encryptedDisk(file: string, work: string): void {
  partitioned(
    file,
    [
      { type: 0x83, at: boot, size: bootMiB },
      { type: 0x83, at: root, size: rootMiB },
      { type: 0x83, at: data, size: dataMiB },
    ],
    encryptedMiB,
  );
  const all = guestFiles('/dev/mapper/my--vg-root');
  const crypttab = 'sda2_crypt /dev/sda2 none luks,discard\n';
  const image = cpio([
    ...[{ path: 'conf' }, { path: 'conf/arch.conf', content: Buffer.from('DPKG_ARCH=amd64\n') }],
    ...[{ path: 'cryptroot' }, { path: 'cryptroot/crypttab', content: Buffer.from(crypttab) }],
  ]);
  const inBoot = Object.entries(all).flatMap(([path, content]) =>
    path.startsWith('/boot/') ? [[path.slice('/boot'.length), content] as const] : [],
  );
  ext4(
    file,
    folderOf(join(work, 'boot'), { ...Object.fromEntries(inBoot), [`/initrd.img-${version}`]: gzipSync(image) }),
    ...([boot, bootMiB, ['-U', bootUuid]] as const),
  );
  const group = join(work, 'group.img');
  writeFileSync(group, physicalVolume());
  const inRoot = Object.fromEntries(Object.entries(all).filter(([path]) => !path.startsWith('/boot/')));
  const tree = folderOf(join(work, 'root'), {
    ...inRoot,
    '/etc/fstab': `/dev/mapper/my--vg-root / ext4 defaults 0 1\nUUID=${bootUuid} /boot ext4 defaults 0 2\n/dev/mapper/var_crypt /var ext4 defaults 0 2\n`,
    '/etc/crypttab': `${crypttab}var_crypt /dev/my-vg/split none luks\n`,
    '/etc/network/interfaces': 'auto ens192 ens224\niface ens192 inet dhcp\niface ens224 inet dhcp\n',
    '/boot/.keep': '',
    '/var/.keep': '',
  });
  ext4(group, tree, 1, 80);
  const variable = inLuks1(join(work, 'var.img'), passphrases.var, 14, {
    '/lib/dhcp/dhclient.ens192.leases': lease('ens192', '10.0.0.5'),
    '/lib/dhcp/dhclient.ens224.leases': lease('ens224', '10.0.0.6'),
  });
  // The volume `split`: extents of 4 MiB, the 24th and 25th, then the 30th and 31st.
  for (const [from, extent] of [
    [0, 24],
    [8, 30],
  ] as const)
    copy(variable, group, from, 8, 1 + 4 * extent);
  inLuks2(group, passphrases.root);
  copy(group, file, 0, rootMiB, root);
  copy(inLuks1(join(work, 'data.img'), passphrases.data, 4, { '/x': 'data' }), file, 0, dataMiB, data);
}

const lease = (name: string, address: string) => `lease {\n  interface "${name}";\n  fixed-address ${address};\n}\n`;

const copy = (from: string, to: string, skip: number, count: number, seek: number) =>
  run('dd', [`if=${from}`, `of=${to}`, 'bs=1M', `skip=${skip}`, `count=${count}`, `seek=${seek}`, 'conv=notrunc']);

/** Encrypts a file where it lies; its content moves behind the header. */
function inLuks2(file: string, passphrase: string): void {
  const header = 16 * mib;
  const size = rootMiB * mib + header;
  truncateSync(file, size);
  const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', '--uuid', rootUuid, '--key-file', '-'];
  run(
    'cryptsetup',
    ['reencrypt', '-q', '--encrypt', '--type', 'luks2', ...quick, '--reduce-device-size', '32M', file],
    passphrase,
  );
}

/** A file system with these files in a file that QEMU has encrypted. */
function inLuks1(file: string, passphrase: string, sizeMiB: number, files: Readonly<Record<string, string>>): string {
  const plain = `${file}.plain`;
  writeFileSync(plain, '');
  truncateSync(plain, sizeMiB * mib);
  ext4(plain, folderOf(`${file}.files`, files), 0, sizeMiB);
  const key = `${file}.key`;
  writeFileSync(key, passphrase);
  const [secret, asked] = [`secret,id=key,file=${key}`, 'key-secret=key,iter-time=10'];
  run('qemu-img', ['convert', '-f', 'raw', '-O', 'luks', '--object', secret, '-o', asked, plain, file]);
  return file;
}

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { ancestors } from './adapters/guest.ts';
import { readInitrd } from './adapters/initrd.ts';
import { debugfs, ext4, folderOf, guestFiles, partitioned, plainDisk, version, writeAt } from './testing/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-entries-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', MTOOLS_SKIP_CHECK: '1' };
const run = (program: string, ...args: string[]) => execFileSync(program, args, { env, timeout: 20_000 });

/** What the tools themselves wrote (testing/fixtures/make.sh). */
function fixture(name: string): Record<string, string> {
  const file = new URL(`testing/fixtures/trees/bookworm/${name}.tree`, import.meta.url);
  const [, ...parts] = readFileSync(file, 'utf8').split(/^=== (.*)\n/m);
  return Object.fromEntries(parts.flatMap((part, i) => (i % 2 === 0 ? [[part, parts[i + 1]!]] : [])));
}

const token = '00000000000000000000000000000001';
const entry = `/loader/entries/${token}-${version}.conf`;
/** The entry that kernel-install wrote, of our kernel, as it writes it for a file system mounted at `/boot` or above. */
const entryText = (prefix: string) =>
  Object.entries(fixture('kernel-install'))
    .find(([path]) => path.endsWith('.conf'))![1]
    .replaceAll('6.1.0-2-amd64', version)
    .replace('/dev/sda', '/dev/sda1')
    .replaceAll(` /boot/${token}`, ` ${prefix}/${token}`);

const { '/boot/grub/grub.cfg': grub, ...guest } = guestFiles('/dev/sda1');
const byName = `/boot/initrd.img-${version}`;
const initrd = guest[byName]!;
const below = `/${token}/${version}/initrd.img-${version}`;
/** systemd-boot, with its entry and what that starts. */
const started = (prefix: string) => ({
  [entry]: entryText(prefix),
  [below]: initrd,
  [`/${token}/${version}/linux`]: 'kernel',
});
const under = (at: string, files: Record<string, string | Buffer>) =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [`${at}${path}`, content]));

function esp(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const part = join(folder, 'esp');
  writeFileSync(part, Buffer.alloc(16 * mib));
  run('mkfs.vfat', '-F', '16', part);
  const made = new Set(['/']);
  for (const [path, content] of Object.entries(files)) {
    for (const above of ancestors(path).filter((each) => !made.has(each))) {
      run('mmd', '-i', part, `::${above}`);
      made.add(above);
    }
    const file = join(folder, 'content');
    writeFileSync(file, content);
    run('mcopy', '-i', part, file, `::${path}`);
  }
  return readFileSync(part);
}

const loader = () =>
  Object.fromEntries(
    Object.entries(fixture('bootctl')).map(([path, text]) => [path.slice('/boot/efi'.length), text || 'loader']),
  );

const disk = () => join(folder, 'disk.img');
const work = () => {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
  return { nics, mediaDir: join(folder, 'none'), scratch, signal: AbortSignal.timeout(60_000) };
};
const images = (sizeMiB: number) => [{ index: 0, path: disk(), sizeBytes: sizeMiB * mib }];
const convert = (sizeMiB: number) =>
  convertDisks({
    ...work(),
    images: images(sizeMiB),
    scratchDir: join(folder, 'kept'),
    key: 'm/vm',
    now: () => 0,
    warn: () => {},
  });

function withEsp(files: Readonly<Record<string, string | Buffer>>, content: Readonly<Record<string, string | Buffer>>) {
  partitioned(
    disk(),
    [
      { type: 0x83, at: 1, size: 60 },
      { type: 0xef, at: 61, size: 16 },
    ],
    78,
  );
  ext4(disk(), folderOf(join(folder, 'tree'), { ...files, '/boot/efi/.keep': '' }), 1, 60);
  writeAt(disk(), esp(content), 61 * mib);
}
const onEsp = (path: string) => run('mtype', '-i', `${disk()}@@${61 * mib}`, `::${path}`);

/** Whether the initramfs is what it was, with an archive behind it. */
async function isConverted(content: Buffer): Promise<boolean> {
  const file = join(folder, 'seen');
  writeFileSync(file, content);
  expect(await readInitrd(file, AbortSignal.timeout(20_000))).toBeDefined();
  return content.length > initrd.length && content.subarray(0, initrd.length).equals(Buffer.from(initrd));
}

test('grub - an initramfs of another name that grub.cfg starts gets the drivers; what custom.cfg and the sources of both name is named to last', async () => {
  const root = 'root=/dev/sda1 ro';
  const files = {
    ...guest,
    '/boot/grub/grub.cfg': `menuentry x {\n linux /boot/vmlinuz-${version} ${root}\n initrd /boot/custom.img\n}\nmenuentry gone {\n linux /boot/old ${root}\n initrd /boot/old.img\n}\n`,
    '/boot/custom.img': initrd,
    '/boot/grub/custom.cfg': `linux /boot/vmlinuz-${version} ${root}\n`,
    '/etc/grub.d/40_custom': `#!/bin/sh\nexec tail -n +3 $0\nlinux /boot/vmlinuz-${version} ${root}\n`,
    '/etc/default/grub.d/50-resume.cfg': 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT resume=/dev/sda1"\n',
  };
  plainDisk(disk(), folderOf(join(folder, 'tree'), files));
  const { changes } = await convert(64);
  for (const path of [byName, '/boot/custom.img']) {
    const file = join(folder, 'dump');
    debugfs(disk(), 1, [`dump ${path} ${file}`]);
    expect([path, await isConverted(readFileSync(file))]).toEqual([path, true]);
  }
  const text = (path: string) => changes.find((each) => each.path === path)?.after;
  expect(text('/boot/grub/custom.cfg')).toMatch(/root=UUID=\S+ ro console=ttyS0,115200 console=tty0\n$/);
  expect(text('/etc/grub.d/40_custom')).toMatch(/\$0\nlinux \S+ root=UUID=\S+ ro\n$/);
  expect(text('/etc/default/grub.d/50-resume.cfg')).toMatch(/resume=UUID=\S+"\n$/);
});

test('entries - on ext: the initramfs that an entry starts gets the drivers, and so does the one that has a kernel’s name', async () => {
  plainDisk(disk(), folderOf(join(folder, 'tree'), { ...guest, ...under('/boot', started('/boot')) }));
  const found = await inspectDisks({ ...work(), images: images(64) });
  expect(found).toMatchObject({ supported: true, boot: { loaders: ['systemd-boot'] } });
  expect(found.kernels.map((each) => each.initramfs)).toEqual([byName, `/boot${below}`]);
  await convert(64);
  for (const path of [byName, `/boot${below}`]) {
    const file = join(folder, 'dump');
    debugfs(disk(), 1, [`dump ${path} ${file}`]);
    expect(await isConverted(readFileSync(file))).toBe(true);
  }
});

test('entries - on the partition of UEFI: its initramfs and its options are changed, whatever GRUB left behind', async () => {
  withEsp({ ...guest, '/boot/grub/grub.cfg': grub! }, { ...loader(), ...started('') });
  const found = await inspectDisks({ ...work(), images: images(78) });
  expect(found).toMatchObject({ supported: true, boot: { loaders: ['grub2', 'systemd-boot'] } });
  expect(found.kernels.map((each) => each.initramfs)).toContain(`/boot/efi${below}`);
  await convert(78);
  expect(await isConverted(onEsp(below))).toBe(true);
  expect(onEsp(entry).toString()).toMatch(/^options +root=UUID=\S+ ro quiet .*console=ttyS0,115200/m);
});

test('entries - a kernel in one file with its initramfs is refused, and so is an initramfs that has no room on UEFI’s partition', async () => {
  const refused = async (content: Record<string, string | Buffer>) => {
    rmSync(join(folder, 'tree'), { recursive: true, force: true });
    withEsp({ ...guest, '/boot/grub/grub.cfg': grub! }, { ...loader(), ...content });
    const { concerns } = await inspectDisks({ ...work(), images: images(78) });
    return concerns.flatMap(({ id, category, why }) => (category === 'critical' ? [`${id}: ${why}`] : []));
  };
  expect(await refused({ '/EFI/Linux/debian.efi': 'kernel' })).toEqual([
    expect.stringMatching(/^guest.boot-unsupported: .*EFI\/Linux\/debian.efi/),
  ]);
  expect(await refused({ ...started(''), '/big': Buffer.alloc(14.5 * mib) })).toEqual([
    expect.stringMatching(/^guest.no-space: \/boot\/efi/),
  ]);
});

test('entries - one mounted at /boot is looked at once, in the letters that are there', async () => {
  const fstab = `${guest['/etc/fstab']}/dev/sda2 /boot vfat umask=0077 0 1\n`;
  const upper = Object.fromEntries(
    Object.entries(started('')).map(([path, text]) => [path.replace('initrd.img-', 'INITRD.IMG-'), text]),
  );
  withEsp({ ...guest, '/etc/fstab': fstab }, { ...loader(), ...upper });
  const found = await inspectDisks({ ...work(), images: images(78) });
  expect(found).toMatchObject({ supported: true, boot: { loaders: ['systemd-boot'] } });
  expect(found.mounts.map(({ at }) => at)).toEqual(['/boot', '/']);
  expect(found.kernels.map((each) => each.initramfs)).toEqual([`/boot${below.replace('initrd.img-', 'INITRD.IMG-')}`]);
});

test('entries - what starts an initramfs that is not there, or of no kernel with modules, is refused; a rescue and what is gone are not', async () => {
  const also = async (text: string, files: Record<string, string | Buffer>) => {
    rmSync(join(folder, 'tree'), { recursive: true, force: true });
    const all = { ...guest, ...under('/boot', started('/boot')), '/boot/loader/entries/b.conf': text, ...files };
    plainDisk(disk(), folderOf(join(folder, 'tree'), all));
    const { concerns } = await inspectDisks({ ...work(), images: images(64) });
    return concerns.flatMap(({ id, category, why }) => (category === 'critical' ? [`${id}: ${why}`] : []));
  };
  const text = (name: string) =>
    `linux /boot/vmlinuz-${name}\ninitrd /boot/initramfs-${name}.img\noptions root=UUID=1\n`;
  const kernelOf = (name: string) => ({ [`/boot/vmlinuz-${name}`]: 'kernel' });
  const bothOf = (name: string) => ({ ...kernelOf(name), [`/boot/initramfs-${name}.img`]: initrd });
  expect(await also(text('7'), kernelOf('7'))).toEqual([
    'guest.boot-unsupported: /boot/loader/entries/b.conf starts /boot/initramfs-7.img, which was not found, and its kernel was',
  ]);
  expect(await also(text('7'), bothOf('7'))).toEqual([expect.stringContaining('is of no kernel with modules')]);
  expect(await also(text('0-rescue-1'), bothOf('0-rescue-1'))).toEqual([]);
  expect(await also(text('7'), {})).toEqual([]);
});

test('entries - on UEFI’s partition lies the environment of GRUB that a link in /boot leads to: it is changed there', async () => {
  const redhat = {
    '/EFI/redhat/grub.cfg': 'insmod blscfg\nblscfg\n',
    '/EFI/redhat/grubenv': `# GRUB Environment Block\nkernelopts=root=/dev/sda1 ro\n`.padEnd(1024, '#'),
    '/EFI/BOOT/BOOTX64.EFI': 'loader',
  };
  const takes = `linux ${byName.replace('initrd.img', 'vmlinuz')}\ninitrd ${byName}\noptions $kernelopts\n`;
  const tree = folderOf(join(folder, 'tree'), {
    ...guest,
    '/boot/loader/entries/a.conf': takes,
    '/boot/grub2/.keep': '',
  });
  symlinkSync('../efi/EFI/redhat/grubenv', join(tree, 'boot/grub2/grubenv'));
  withEsp({}, redhat);
  await convert(78);
  expect(onEsp('/EFI/redhat/grubenv').toString()).toMatch(
    /^kernelopts=root=UUID=\S+ ro console=ttyS0,115200 console=tty0$/m,
  );
  expect(onEsp('/EFI/redhat/grubenv')).toHaveLength(1024);
  const { '/EFI/redhat/grubenv': _, ...without } = redhat;
  withEsp({}, without);
  expect((await inspectDisks({ ...work(), images: images(78) })).concerns).toContainEqual(
    expect.objectContaining({ id: 'guest.boot-unsupported', why: expect.stringContaining('$kernelopts') }),
  );
});

test('entries - where all start what is not there, and there is no GRUB, nothing is known of the boot', async () => {
  const { [below]: _, [`/${token}/${version}/linux`]: __, ...bare } = started('/boot');
  plainDisk(disk(), folderOf(join(folder, 'tree'), { ...guest, ...under('/boot', bare) }));
  expect(await inspectDisks({ ...work(), images: images(64) })).toMatchObject({
    supported: false,
    concerns: expect.arrayContaining([expect.objectContaining({ id: 'guest.boot-unsupported' })]),
  });
});

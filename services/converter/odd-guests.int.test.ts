import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertFiles, inspectFiles } from './acts/offline.ts';
import { debugfs, folderOf, guestFiles, plainDisk } from './testing/image.ts';

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-texts-'));
  mkdirSync(join(folder, 'scratch'));
  disk = join(folder, 'disk.raw');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = () => createHash('sha256').update(readFileSync(disk)).digest('hex');
const request = () => ({
  files: [disk],
  nics: [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }],
  ...{ mediaDir: join(folder, 'none'), scratch: join(folder, 'scratch'), signal: AbortSignal.timeout(60_000) },
});
const contentOf = (path: string): Buffer => {
  debugfs(disk, 1, [`dump ${path} ${join(folder, 'dumped')}`]);
  return readFileSync(join(folder, 'dumped'));
};
const latin1 = (text: string) => Buffer.from(text, 'latin1');

test('texts - of files that are not UTF-8 only the words that change are changed, and every other byte stays', async () => {
  const files = {
    ...guestFiles('/dev/sda1'),
    '/etc/fstab': latin1('# Platte für alles\n/dev/sda1 / ext4 defaults 0 1\n'),
    '/etc/default/grub': latin1('GRUB_CMDLINE_LINUX="foo=é"\n'),
    '/boot/grub/grub.cfg': latin1('menuentry "été" {\n linux /vmlinuz root=/dev/sda1 ro\n}\n'),
    '/etc/initramfs-tools/modules': '# für UTF-8\n',
  };
  plainDisk(disk, folderOf(join(folder, 'tree'), files));
  const done = await convertFiles(request());
  if ('problem' in done) throw new Error(done.problem.detail);
  expect(done.inspection.changes.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['/etc/fstab', '/etc/default/grub', '/boot/grub/grub.cfg', '/etc/initramfs-tools/modules']),
  );
  expect(contentOf('/etc/fstab').toString('latin1')).toMatch(/^# Platte für alles\nUUID=\S+ \/ ext4 defaults 0 1\n$/);
  expect(contentOf('/etc/default/grub').toString('latin1')).toContain('foo=é');
  const menu = contentOf('/boot/grub/grub.cfg').toString('latin1');
  expect(menu).toMatch(/^menuentry "été" \{\n linux \/vmlinuz root=UUID=\S+ ro/);
  expect(contentOf('/etc/initramfs-tools/modules').toString()).toMatch(/^# für UTF-8\n/);
  const again = await inspectFiles(request());
  expect('inspection' in again && again.inspection.changes).toEqual([]);
});

test.each(['/etc/fstab', '/etc/default/grub', '/etc/initramfs-tools/modules'])(
  'texts - where %s is a link it is refused by name, not taken for absent, and the disk is untouched',
  async (path) => {
    const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
    renameSync(join(tree, path), join(tree, `${path}.real`));
    symlinkSync(`${path.split('/').at(-1)}.real`, join(tree, path));
    plainDisk(disk, tree);
    const before = digest();
    const told = { code: 'guest.unsupported', detail: expect.stringContaining(`${path} in the guest is a link`) };
    await expect(convertFiles(request())).rejects.toMatchObject(told);
    const looked = await inspectFiles(request());
    expect('inspection' in looked && looked.inspection).toMatchObject({
      ...{ supported: false, concerns: [{ id: 'guest.unsupported', why: told.detail }] },
    });
    expect(digest()).toBe(before);
  },
);

test('ext - a file that is written anew keeps what chattr set on it, and attributes of any name', async () => {
  const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
  for (const name of ['user.two words', 'user.a', 'user.a (2)'])
    execFileSync('setfattr', ['-n', name, '-v', 'kept', join(tree, 'etc/fstab')], { timeout: 20_000 });
  plainDisk(disk, tree, ['-I', '256']);
  // Extents, immutable, and its times not kept.
  debugfs(disk, 1, ['sif /etc/fstab flags 0x80090'], true);
  const done = await convertFiles(request());
  if ('problem' in done) throw new Error(done.problem.detail);
  expect(done.inspection.changes.map(({ path }) => path)).toContain('/etc/fstab');
  const told = debugfs(disk, 1, ['stat /etc/fstab', 'ea_list /etc/fstab']);
  expect(told).toContain('Flags: 0x80090');
  for (const name of ['user.two words', 'user.a', 'user.a (2)']) expect(told).toContain(`  ${name} (4) = "kept"`);
});

const kinds: Readonly<Record<string, { options: string[]; why: string; prepare?: (tree: string) => void }>> = {
  'keeps quotas': { options: ['-O', 'quota', '-I', '256'], why: 'the feature quota' },
  'keeps quotas of projects': { options: ['-O', 'quota,project', '-I', '256'], why: 'the feature' },
  'has other names for a file to be changed': {
    options: ['-I', '256'],
    why: '/etc/fstab has other names (hard links)',
    prepare: (tree) => linkSync(join(tree, 'etc/fstab'), join(tree, 'etc/fstab.same')),
  },
  'has labels in blocks of their own': {
    options: ['-I', '128'],
    why: '/etc/fstab has attributes in a block of their own',
    prepare: (tree) => {
      const label = ['-n', 'security.selinux', '-v', 'system_u:object_r:etc_t:s0', join(tree, 'etc/fstab')];
      execFileSync('setfattr', label, { timeout: 20_000 });
    },
  },
};

test.each(Object.entries(kinds))(
  'ext - one that %s is refused before anything is written, at the inspection already',
  async (_, { options, why, prepare }) => {
    const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
    prepare?.(tree);
    plainDisk(disk, tree, options);
    const before = digest();
    const detail = expect.stringContaining(why);
    await expect(convertFiles(request())).rejects.toMatchObject({ code: 'guest.ext-unsupported', detail });
    const looked = await inspectFiles(request());
    if ('problem' in looked) throw new Error(looked.problem.detail);
    expect(looked.inspection).toMatchObject({
      ...{
        supported: false,
        concerns: expect.arrayContaining([expect.objectContaining({ id: 'guest.ext-unsupported' })]),
      },
    });
    expect(digest()).toBe(before);
  },
);

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertFiles, inspectFiles } from './acts/offline.ts';
import { Ext } from './domain/ext-reader/ext.ts';
import { debugfs, folderOf, guestFiles, lvmDisk, plainDisk } from './testing/image.ts';

const mib = 1024 ** 2;
let folder: string;
let server: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-remote-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** nbdkit, which counts what is read; gives the URI. */
async function serve(file: string): Promise<string> {
  const socket = join(folder, 'nbd');
  const args = ['-f', '-r', '-U', socket, '--filter=stats', 'file', file, `statsfile=${join(folder, 'stats')}`];
  server = spawn('nbdkit', args, { stdio: 'ignore' });
  for (let i = 0; i < 250 && !existsSync(socket); i++) await sleep(20);
  return `nbd+unix:///?socket=${socket}`;
}
const request = (...files: string[]) => {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
  return { files, nics, mediaDir: join(folder, 'none'), scratch, signal: AbortSignal.timeout(60_000) };
};
const told = async (file: string) => {
  const answer = await inspectFiles(request(file));
  if ('problem' in answer) throw new Error(answer.problem.detail);
  return { ...answer.inspection, seconds: 0 };
};

test.each(['plain', 'lvm'])(
  'remote - a guest on a %s disk is looked through over NBD as its file would be, by a part of its bytes',
  async (kind) => {
    const disk = join(folder, 'disk.img');
    const filler = { '/var/lib/data': randomBytes(20 * mib) };
    if (kind === 'lvm') lvmDisk(disk, folder);
    else plainDisk(disk, folderOf(join(folder, 'tree'), { ...guestFiles('/dev/sda1'), ...filler }));
    const expected = await told(disk);
    expect(expected).toMatchObject({ supported: true, os: { id: 'debian' } });
    const before = readFileSync(disk);
    expect(await told(await serve(disk))).toEqual(expected);
    expect(readFileSync(disk).equals(before)).toBe(true);
    server!.kill('SIGTERM');
    await once(server!, 'exit');
    const read = /^read: \d+ ops, [\d.]+ s, ([\d.]+) (\w+)/m.exec(readFileSync(join(folder, 'stats'), 'utf8'));
    expect(read?.[2]).toMatch(/^(KiB|MiB)$/);
    expect(Number(read![1]) * (read![2] === 'MiB' ? mib : 1024)).toBeLessThan(6 * mib);
  },
);

test('remote - it is not converted, and a server that is not there is told', async () => {
  const uri = `nbd+unix:///?socket=${join(folder, 'none')}`;
  await expect(convertFiles(request(uri))).rejects.toMatchObject({ code: 'guest.image' });
  await expect(inspectFiles(request(uri))).rejects.toMatchObject({ code: 'guest.image' });
  await expect(inspectFiles(request('nbd://'))).rejects.toThrow('no NBD URI');
});

const shapes: Record<string, readonly string[]> = {
  ext2: ['-t', 'ext2', '-b', '1024'],
  ext3: ['-t', 'ext3', '-b', '4096'],
  'ext4, 1 KiB': ['-t', 'ext4', '-b', '1024'],
  'ext4, 4 KiB, old groups': ['-t', 'ext4', '-b', '4096', '-O', '^64bit,^metadata_csum,^flex_bg'],
  'ext4, groups of groups': ['-t', 'ext4', '-b', '1024', '-O', 'meta_bg,^resize_inode', '-g', '1024'],
  'ext4, data in inodes': ['-t', 'ext4', '-O', 'inline_data', '-I', '256'],
};

test.each(Object.keys(shapes))('ext - %s: names, owners, sizes and contents as debugfs has them', (shape) => {
  const long = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`/many/a-name-of-some-length-${i}`, `${i}\n`]),
  );
  const tree = folderOf(join(folder, 'tree'), {
    ...{ '/small': 'a few bytes', '/middle': 'x'.repeat(120), '/large': randomBytes(3 * mib + 17), '/empty': '' },
    ...{ '/a/b/c/deep': 'deep\n', '/a/ümlaut 🦊': 'u\n', ...long },
  });
  // A hole, a link within, one from the root, one that leads about, one too long for its inode.
  writeFileSync(join(tree, 'holes'), 'begin');
  truncateSync(join(tree, 'holes'), 2 * mib);
  for (const [target, name] of [
    ['b/c', 'a/short'],
    ['/a/b', 'from-root'],
    ['loop', 'loop'],
    [`${'./'.repeat(60)}a`, 'long'],
    ['../../../etc', 'out'],
  ] as const)
    symlinkSync(target, join(tree, name));
  const file = join(folder, 'ext.img');
  writeFileSync(file, '');
  truncateSync(file, 24 * mib);
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
  execFileSync('mke2fs', ['-q', '-F', ...shapes[shape]!, '-d', tree, file], { env, timeout: 60_000 });
  const bytes = readFileSync(file);
  const ext = new Ext((offset, length) => bytes.subarray(offset, offset + length), 0);
  for (const at of ['/', '/a', '/a/b/c', '/many']) {
    const listed = debugfs(file, 0, [`ls -p ${at}`])
      .split('\n')
      .flatMap((line) => {
        const match = /^\/\d+\/(\d{6})\/(\d+)\/(\d+)\/(.+)\/(\d*)\/$/.exec(line);
        return match && !/^\.\.?$/.test(match[4]!) ? [[match[4]!, match[1]!, match[2]!, match[3]!, match[5]!]] : [];
      });
    const own = [...ext.list(at)!].map(([name, { mode, uid, gid, size }]) => [
      ...[name, mode.toString(8).padStart(6, '0'), String(uid), String(gid)],
      (mode & 0o170000) === 0o040000 ? '' : String(size),
    ]);
    expect(own.sort()).toEqual(listed.sort());
  }
  // Of a small file that lies in its inode older debugfs gives the zeros behind it too.
  const dumped = (path: string) => {
    debugfs(file, 0, [`dump "/${path}" ${join(folder, 'dumped')}`]);
    return readFileSync(join(folder, 'dumped')).subarray(0, ext.find(`/${path}`, true)!.size);
  };
  const content = (path: string, follow = true) => {
    const node = ext.find(path, follow)!;
    return ext.content(node, 0, node.size);
  };
  for (const path of [
    'small',
    'middle',
    'large',
    'empty',
    'holes',
    'a/b/c/deep',
    'a/ümlaut 🦊',
    'many/a-name-of-some-length-299',
  ])
    expect(content(`/${path}`).equals(dumped(path))).toBe(true);
  expect(content('/a/short/deep').toString()).toBe('deep\n');
  expect(content('/from-root/c/deep').toString()).toBe('deep\n');
  expect(content('/long/b/c/deep').toString()).toBe('deep\n');
  expect(content('/long', false).toString()).toBe(`${'./'.repeat(60)}a`);
  for (const path of ['/loop', '/out', '/none', '/small/x']) expect(ext.find(path, true)).toBeUndefined();
});

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderOf, guestFiles, plainDisk } from '../testing/image.ts';
import { writing } from './debugfs.ts';
import { DiskExt } from './disk-ext.ts';
import { Journal } from './journal.ts';
import { marks } from './marks.ts';
import { undo } from './undo.ts';

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-ext-'));
  for (const each of ['kept', 'bin']) mkdirSync(join(folder, each));
  disk = join(folder, 'disk.img');
  writeFileSync(join(folder, 'large'), Buffer.alloc(3 * mib, 'large'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const opened = (size = 60, offset = mib) =>
  new DiskExt({ path: disk, offset, length: size * mib }, join(folder, 'scratch'), AbortSignal.timeout(120_000));
const target = (path: string, what: { file: string } | 'folder') => {
  const now = path === '/etc/fstab' ? { now: { name: 'fstab', mode: 0o100644, uid: 0, gid: 0, size: 1 } } : {};
  const mode = what === 'folder' ? 0o040755 : 0o100644;
  return { path, inner: path, what, mode, uid: 0, gid: 0, attributes: new Map(), ...now };
};
const targets = () => [
  target('/etc/new', 'folder'),
  target('/etc/new/large', { file: join(folder, 'large') }),
  target('/etc/fstab', { file: join(folder, 'large') }),
];

const kinds = {
  'ext4 as Debian makes it': ['-t', 'ext4'],
  'small blocks': ['-t', 'ext4', '-b', '1024'],
  ext3: ['-t', 'ext3', '-I', '128'],
  ext2: ['-t', 'ext2', '-O', '^resize_inode', '-b', '2048'],
  'descriptors in each group of groups': ['-t', 'ext4', '-b', '1024', '-O', 'meta_bg,^resize_inode'],
  clusters: ['-t', 'ext4', '-O', 'bigalloc', '-C', '16384'],
  'data in inodes': ['-t', 'ext4', '-O', 'inline_data'],
  'attributes in inodes of their own': ['-t', 'ext4', '-O', 'ea_inode'],
  'protected from two hosts': ['-t', 'ext4', '-O', 'mmp'],
};

test.each(Object.entries(kinds))(
  'ext - %s, in the midst of what was there before: only what shall be is changed, and it is put back to the last byte',
  async (_, options) => {
    const size = 140;
    // For one that e2fsprogs guard from a second host they know no offset.
    const offset = options.includes('mmp') ? 0 : mib;
    const kept = Buffer.alloc(2 * mib, 'kept');
    const files = { ...guestFiles('/dev/sda1'), '/etc/kept': kept, '/etc/short/x': 'x', ...many(603) };
    const tree = folderOf(join(folder, 'tree'), files);
    // Neither free blocks nor free inodes are zeros.
    writeFileSync(disk, Buffer.alloc((size + 1) * mib, 'what was there before '));
    const making = ['-q', '-F', '-E', `offset=${offset},root_owner=0:0,lazy_itable_init=1,nodiscard`, '-d', tree];
    execFileSync('mke2fs', [...making, ...options, disk, `${size}M`], { env, timeout: 60_000 });
    const before = readFileSync(disk);
    const log = join(folder, 'log');
    const fs = opened(size, offset);
    const told = (await fs.dump(Object.keys(files), 8 * mib)).files;
    for (const [path, content] of Object.entries(files))
      expect([path, readFileSync(told.get(path)!)]).toEqual([path, Buffer.from(content)]);
    await fs.write(targets(), log);
    expect(await fs.check()).toBeUndefined();
    const large = join(folder, 'large');
    const wanted = new Map([...told, ['/etc/new/large', large], ['/etc/fstab', large]]);
    const { files: now } = await fs.dump([...wanted.keys()], 8 * mib);
    for (const [path, copy] of wanted)
      expect([path, readFileSync(now.get(path)!).equals(readFileSync(copy))]).toEqual([path, true]);
    undo(log, disk);
    expect(readFileSync(disk).equals(before)).toBe(true);
  },
  120_000,
);

/** So many that there is a table with free inodes beside such in use. */
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`/etc/many/${i}`, `${i}`]));

test('ext - debugfs is killed after any of its commands: nothing of the disk was written, and no log is there', async () => {
  plainDisk(disk, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  const before = readFileSync(disk);
  const path = process.env.PATH;
  try {
    for (let done = 1; done <= targets().flatMap(writing).length; done += 3) {
      const killed = [
        '#!/bin/sh',
        `export PATH='${path}:/usr/sbin:/sbin' PID='${join(folder, 'bin/pid')}'`,
        `{ head -n ${done}; kill -9 $(cat $PID); } | sh -c 'echo $$ > $PID; exec debugfs "$@"' sh "$@"`,
        'kill -9 $$',
      ].join('\n');
      writeFileSync(join(folder, 'bin/debugfs'), killed);
      chmodSync(join(folder, 'bin/debugfs'), 0o755);
      process.env.PATH = `${join(folder, 'bin')}:${path}`;
      const journal = new Journal(join(folder, 'kept'), marks(join(folder, 'kept')));
      journal.begin([0]);
      await expect(opened().write(targets(), journal.log(0, disk))).rejects.toMatchObject({ code: 'guest.conversion' });
      expect(journal.changed()).toEqual([{ disk: 0, path: disk, ranges: [] }]);
      expect(readFileSync(disk).equals(before)).toBe(true);
      journal.rollBack();
    }
  } finally {
    process.env.PATH = path;
  }
});

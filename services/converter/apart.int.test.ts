import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertApart } from './acts/apart.ts';
import { convertDisks } from './acts/convert.ts';
import { SparseExt } from './adapters/sparse-ext.ts';
import { blocksOf, waysTo } from './domain/ext/files.ts';
import { ExtLayout } from './domain/ext/layout.ts';
import type { Read } from './domain/read.ts';
import { debugfs, folderOf, guestFiles, journalled, lvmDisk, plainDisk } from './testing/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-apart-'));
  mkdirSync(join(folder, 'scratch'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mib = 1024 ** 2;
const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const work = (path: string) => ({
  nics: [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5/24', '10.9.9.9/24'] }],
  ...{ mediaDir: join(folder, 'none'), scratch: join(folder, 'scratch'), signal: AbortSignal.timeout(120_000) },
  images: [{ index: 0, path, sizeBytes: statSync(path).size }],
});
/** What a guest would read through an overlay, as a disk of its own. */
function flat(overlay: string): string {
  const file = join(folder, 'flat.img');
  execFileSync('qemu-img', ['convert', '-O', 'raw', overlay, file], { timeout: 60_000 });
  return file;
}
const fsck = (file: string, at: number) => {
  const device = `${file}?offset=${at * mib}`;
  return execFileSync('/usr/sbin/e2fsck', ['-f', '-n', device], {
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString();
};
const ran = (text: string) => text.replace(/^[^\n]*\n/, '');

test('apart - the overlay holds what converting the disk itself would write, and the disk stays as it was, to the last byte', async () => {
  const disk = join(folder, 'disk.img');
  lvmDisk(disk, folder);
  const own = join(folder, 'own.img');
  cpSync(disk, own);
  const before = digest(disk);
  const { overlays, ...told } = await convertApart(work(disk), 'auto');
  expect(told).toMatchObject({ engine: 'direct', os: expect.stringContaining('Debian'), files: expect.any(Number) });
  // That which its files do not give it is not to be expected where nobody else does.
  expect(told.kept).toEqual(new Map([['00:50:56:aa:00:01', ['10.0.0.5/24']]]));
  expect(digest(disk)).toBe(before);
  const kept = { scratchDir: join(folder, 'kept'), key: 'm/vm', now: () => performance.now(), warn: () => {} };
  const { changes } = await convertDisks({ ...work(own), ...kept });
  expect(changes).toHaveLength(told.files);
  const through = flat(overlays.get(0)!);
  for (const at of [1, 33]) expect(fsck(through, at)).toContain('Pass 5');
  for (const { path } of changes) {
    const [at, inner] = path.startsWith('/boot/') ? [1, path.slice('/boot'.length)] : [33, path];
    expect([path, ran(debugfs(through, at, [`cat "${inner}"`]))]).toEqual([
      path,
      ran(debugfs(own, at, [`cat "${inner}"`])),
    ]);
  }
});

test('apart - the journal of a guest that runs is replayed beside its disk: what it wrote last is there, and what is written after it too', async () => {
  const tree = folderOf(join(folder, 'tree'), guestFiles('/dev/sda1'));
  const disk = join(folder, 'disk.img');
  plainDisk(disk, tree);
  const late = join(folder, 'late');
  writeFileSync(late, 'auto ens192\niface ens192 inet static\n address 10.9.9.9/24\n'.padEnd(20_000, '#'));
  // A new folder with new files, an old file given up: as only the journal knows.
  journalled(disk, 1, folder, [
    ...['mkdir /etc/new', `write ${late} /etc/new/file`, 'rm /etc/network/interfaces', 'rm /etc/default/grub'],
    ...[`write ${late} /etc/network/interfaces`],
  ]);
  const before = digest(disk);
  expect(debugfs(disk, 1, ['cat /etc/network/interfaces'])).toContain('10.0.0.5');
  const { overlays, kept } = await convertApart(work(disk), 'auto');
  expect(digest(disk)).toBe(before);
  expect(kept).toEqual(new Map([['00:50:56:aa:00:01', ['10.9.9.9/24']]]));
  const through = flat(overlays.get(0)!);
  expect(fsck(through, 1)).toContain('Pass 5');
  expect(debugfs(through, 1, ['cat /etc/new/file'])).toContain('10.9.9.9');
  expect(debugfs(through, 1, ['cat /boot/grub/grub.cfg'])).toContain('console=ttyS0,115200');
  expect(debugfs(through, 1, ['ls -p /etc/default'])).not.toContain('grub');
});

test('apart - little is copied of a large file system: its books, and what is asked for', async () => {
  const disk = join(folder, 'disk.img');
  plainDisk(
    disk,
    folderOf(join(folder, 'tree'), { ...guestFiles('/dev/sda1'), '/srv/large': Buffer.alloc(30 * mib, 7) }),
  );
  const file = join(folder, 'sparse');
  const { scratch, signal } = work(disk);
  const fs = await SparseExt.open({ path: disk, offset: mib, length: 60 * mib }, file, scratch, signal);
  try {
    const { files, folder: dump } = await fs.dump(['/etc/fstab', '/none', '/lib/systemd/none'], mib);
    expect([...files.keys()]).toEqual(['/etc/fstab']);
    expect(readFileSync(files.get('/etc/fstab')!, 'utf8')).toBe('/dev/sda1 / ext4 defaults 0 1\n');
    rmSync(dump, { recursive: true });
    expect((await fs.list(['/srv'])).get('/srv')).toContainEqual(
      expect.objectContaining({ name: 'large', size: 30 * mib }),
    );
    expect(statSync(file).blocks * 512).toBeLessThan(8 * mib);
  } finally {
    fs.close();
  }
});

test('apart - a file system that asks to be checked is refused; with convert: none its overlay is empty', async () => {
  const disk = join(folder, 'disk.img');
  plainDisk(disk, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  debugfs(disk, 1, ['ssv state 2'], true);
  await expect(convertApart(work(disk), 'auto')).rejects.toMatchObject({ code: 'guest.dirty' });
  expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
  const { overlays, engine } = await convertApart(work(disk), 'none');
  expect(engine).toBe('none');
  expect(digest(flat(overlays.get(0)!))).toBe(digest(disk));
});

test('apart - whatever a guest may have written into its own books: it is read, or refused, within bounds', async () => {
  const disk = join(folder, 'disk.img');
  plainDisk(disk, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  const whole = readFileSync(disk).subarray(mib);
  const tried: string[] = [];
  for (let i = 0; i < 200; i++) {
    const spoilt = new Map<number, number>();
    const random = createHash('sha256').update(`${i}`).digest();
    for (let at = 0; at < 8; at++) {
      // Superblock, descriptors, bitmaps and inodes lie first.
      const place = random.readUInt16LE(at * 2) % (i % 2 === 0 ? 4096 : 65_536);
      spoilt.set(1024 + place, random[16 + at]!);
    }
    const read: Read = (offset, length) => {
      const bytes = Buffer.from(whole.subarray(offset, offset + length));
      for (const [place, byte] of spoilt)
        if (place >= offset && place < offset + bytes.length) bytes[place - offset] = byte;
      return bytes;
    };
    try {
      const layout = new ExtLayout(read);
      let books = 0;
      for (const run of layout.books(i % 3 === 0)) books += run.count;
      expect(books).toBeLessThan(2 ** 32);
      const ways = waysTo(layout, ['/etc/network/interfaces', '/lib/modules', '/boot/grub/grub.cfg']);
      for (const inode of ways.flat()) blocksOf(layout, layout.inode(inode));
      tried.push('read');
    } catch (error) {
      if (!(error instanceof TranshipError)) throw error;
      tried.push(error.code);
    }
  }
  expect(new Set(tried)).toEqual(new Set(['read', 'rehearsal.unsupported']));
});

/** A disk that boots, and whose one partition begins as no ext does. */
function foreignDisk(magic: string): string {
  const disk = join(folder, 'disk.img');
  plainDisk(disk, folderOf(join(folder, 'tree'), { '/x': '' }));
  const bytes = readFileSync(disk);
  bytes.fill(0, mib, mib + 131_072);
  bytes.write(magic, mib, 'latin1');
  writeFileSync(disk, bytes);
  return disk;
}

test('apart - an encrypted guest whose keys there are is not rehearsed, by that reason', async () => {
  const disk = foreignDisk('LUKS\xba\xbe');
  await expect(convertApart(work(disk), 'auto')).rejects.toMatchObject({ code: 'guest.luks-unsupported' });
  const luksKeysDir = folderOf(join(folder, 'keys'), { '/root': 'words' });
  const given = convertApart({ ...work(disk), luksKeysDir }, 'auto');
  await expect(given).rejects.toMatchObject({ code: 'rehearsal.unsupported' });
});

test('apart - what the mount engine alone would reach is not rehearsed, by that reason', async () => {
  const disk = foreignDisk('XFSB');
  await expect(convertApart(work(disk), 'auto')).rejects.toMatchObject({ code: 'guest.xfs-unsupported' });
  const mounted = convertApart({ ...work(disk), mountEngine: true }, 'auto');
  await expect(mounted).rejects.toMatchObject({ code: 'rehearsal.unsupported' });
});

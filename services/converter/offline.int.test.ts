import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { convertFiles, inspectFiles } from './acts/offline.ts';
import { debugfs, folderOf, guestFiles, plainDisk } from './testing/image.ts';

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-offline-'));
  mkdirSync(join(folder, 'scratch'));
  disk = join(folder, 'disk.raw');
  plainDisk(disk, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const here = (name: string) => new URL(name, import.meta.url).href;
const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const request = (...files: string[]) => ({
  files,
  nics: [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }],
  ...{ mediaDir: join(folder, 'none'), scratch: join(folder, 'scratch'), signal: AbortSignal.timeout(60_000) },
});

test('offline - on a volume without room the disk is refused before it is touched, and nothing is left beside it', async () => {
  const volume = join(folder, 'full');
  mkdirSync(volume);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=65600k', 'tmpfs', volume], { timeout: 20_000 });
  try {
    const file = join(volume, 'disk.raw');
    execFileSync('cp', ['--sparse=never', disk, file], { timeout: 20_000 });
    await expect(convertFiles(request(file))).rejects.toMatchObject({
      code: 'target.full',
      detail: expect.stringContaining(volume),
    });
    expect(digest(file)).toBe(digest(disk));
    expect(readdirSync(volume)).toEqual(['disk.raw']);
  } finally {
    execFileSync('umount', [volume], { timeout: 20_000 });
  }
});

/** A package that is unpacked for longer than a guest is looked through. */
function slowPackage(media: string): void {
  const work = join(folder, 'package');
  mkdirSync(join(work, 'DEBIAN'), { recursive: true });
  mkdirSync(join(work, 'usr/share/doc'), { recursive: true });
  writeFileSync(
    join(work, 'DEBIAN/control'),
    'Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n',
  );
  for (let i = 0; i < 3_000; i++) writeFileSync(join(work, `usr/share/doc/${i}`), '');
  mkdirSync(media, { recursive: true });
  execFileSync('dpkg-deb', ['-b', '-Znone', work, join(media, 'slow.deb')], { stdio: 'ignore', timeout: 60_000 });
}

test('offline - a guest that is refused while packages are unpacked: said as it is, and nothing is left, nor locked', async () => {
  slowPackage(join(folder, 'media/debian'));
  debugfs(disk, 1, ['rm /etc/fstab', 'symlink /etc/fstab other'], true);
  const asked = { ...request(disk), mediaDir: join(folder, 'media') };
  for (const ask of [inspectFiles, convertFiles, convertFiles]) {
    const said = await ask(asked).then(
      (answer) => ('inspection' in answer ? answer.inspection.concerns.map(({ why }) => why).join() : ''),
      (error: Error) => error.message,
    );
    expect(said).toContain('/etc/fstab in the guest is a link');
    expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
  }
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(false);
});

test('offline - a package that cannot be unpacked beside one that takes long: said as it is, and nothing is left', async () => {
  slowPackage(join(folder, 'media/debian'));
  writeFileSync(join(folder, 'media/debian/broken.deb'), 'no package');
  const before = digest(disk);
  const asked = { ...request(disk), mediaDir: join(folder, 'media') };
  await expect(convertFiles(asked)).rejects.toThrow('cannot unpack');
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(false);
  expect(digest(disk)).toBe(before);
});

test('offline - an overlay is a new file: what is there already stays, the disk behind a link too; a folder has none', async () => {
  const before = digest(disk);
  const link = join(folder, 'link');
  symlinkSync(disk, link);
  for (const overlay of [disk, link])
    await expect(convertFiles({ ...request(disk), overlay })).rejects.toThrow('is there already');
  expect(digest(disk)).toBe(before);
  const tree = join(folder, 'tree');
  const overlay = join(folder, 'new');
  await expect(convertFiles({ ...request(tree), overlay })).rejects.toThrow('has no overlay');
  expect(existsSync(join(tree, 'etc/systemd/network/10-tranship-ens192.link'))).toBe(false);
});

test('offline - one conversion of a disk at a time, by whatever name; the next one finds it whole', async () => {
  const link = join(folder, 'link');
  symlinkSync(disk, link);
  const both = await Promise.allSettled([disk, link].map((file) => convertFiles(request(file))));
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'guest.image', detail: expect.stringContaining('being converted') },
  });
  expect(await convertFiles(request(link))).toMatchObject({ inspection: { supported: true, changes: [] } });
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(false);
});

/** A conversion of the disk in a process that ends `before` or `after` it is told as finished. */
function cutOff(when: 'before' | 'after'): void {
  const half = `
    import { Journal } from '${here('adapters/journal.ts')}';
    const { finish } = Journal.prototype;
    Journal.prototype.finish = function (...all) {
      if (${when === 'after'}) finish.apply(this, all);
      process.kill(process.pid, 'SIGKILL');
    };
    const { convertFiles } = await import('${here('acts/offline.ts')}');
    await convertFiles({ ...${JSON.stringify(request(disk))}, signal: AbortSignal.timeout(60_000) });`;
  spawnSync(process.execPath, ['--input-type=module', '-e', half], { timeout: 60_000 });
}

test('offline - what a conversion that was cut off left is not for another disk in the same place', async () => {
  const kept = join(folder, 'kept.raw');
  copyFileSync(disk, kept);
  cutOff('before');
  expect(digest(disk)).not.toBe(digest(kept));
  renameSync(disk, join(folder, 'away.raw'));
  renameSync(kept, disk);
  const before = digest(disk);
  await expect(convertFiles(request(disk))).rejects.toMatchObject({
    code: 'guest.image',
    detail: expect.stringContaining('.disk.raw.tranship'),
  });
  expect(digest(disk)).toBe(before);
  renameSync(join(folder, 'away.raw'), disk);
  expect(await convertFiles(request(disk))).toMatchObject({ written: 'in-place', inspection: { supported: true } });
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(false);
});

test('offline - what a conversion that was cut off left is not for what was written to the disk since', async () => {
  cutOff('before');
  const { atime, mtime } = statSync(disk);
  // As if another export had been written over it.
  utimesSync(disk, atime, new Date(mtime.getTime() + 120_000));
  const before = digest(disk);
  await expect(convertFiles(request(disk))).rejects.toMatchObject({
    code: 'guest.image',
    detail: expect.stringContaining('was written to after its conversion was cut off'),
  });
  expect(digest(disk)).toBe(before);
  utimesSync(disk, atime, mtime);
  expect(await convertFiles(request(disk))).toMatchObject({ written: 'in-place', inspection: { supported: true } });
});

test('offline - the result of a conversion that ended without clearing up is not told of another disk in the same place', async () => {
  const kept = join(folder, 'kept.raw');
  copyFileSync(disk, kept);
  const before = digest(kept);
  cutOff('after');
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(true);
  renameSync(kept, disk);
  expect(await convertFiles(request(disk))).toMatchObject({ written: 'in-place', inspection: { supported: true } });
  expect(digest(disk)).not.toBe(before);
  expect(existsSync(join(folder, '.disk.raw.tranship'))).toBe(false);
});

test('offline - a disk that was cut short is refused, not taken for an empty one', async () => {
  truncateSync(disk, 60 * 1024 ** 2);
  expect(await inspectFiles(request(disk))).toMatchObject({
    inspection: { supported: false, concerns: [{ id: 'guest.malformed', why: expect.stringContaining('beyond') }] },
  });
});

test('offline - NICs that cannot be such are refused by their field', () => {
  const tool = fileURLToPath(here('acts/tool.ts'));
  const answerTo = (nic: object) => {
    writeFileSync(join(folder, 'nics.json'), JSON.stringify([nic]));
    const args = [tool, 'inspect', disk, '--nics', join(folder, 'nics.json')];
    return spawnSync(process.execPath, args, { timeout: 60_000 }).stdout.toString();
  };
  for (const nic of [
    { mac: '00:50:56:aa:00:01\nName=x' },
    { mac: '00:50:56:aa:00:01', addresses: ['10.0.0.999'] },
    { mac: '00:50:56:aa:00:01', slott: 192 },
  ])
    expect(answerTo(nic)).toContain('document.invalid');
  expect(answerTo({ mac: '00:50:56:AA:00:01', addresses: ['10.0.0.5/24', 'fe80::1'], slot: 192 })).toContain('ens192');
});

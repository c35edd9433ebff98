import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderOf, guestFiles, plainDisk } from '../testing/image.ts';
import { writing } from './debugfs.ts';
import { ExtFs } from './ext-fs.ts';
import { Journal } from './journal.ts';
import { marks } from './marks.ts';
import { keepSuperblock } from './undo.ts';

const mib = 1024 ** 2;
let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-ext-'));
  mkdirSync(join(folder, 'kept'));
  disk = join(folder, 'disk.img');
  plainDisk(disk, folderOf(join(folder, 'tree'), guestFiles('/dev/sda1')));
  writeFileSync(join(folder, 'large'), Buffer.alloc(3 * mib, 'large'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const journalOf = (boot: string) => new Journal(join(folder, 'kept'), marks(join(folder, 'kept')), boot);
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

test('ext - the power goes before its undo log was flushed: refused as torn, and the disk stays marked', async () => {
  const journal = journalOf('this');
  journal.begin([0]);
  const fs = new ExtFs(
    { path: disk, offset: mib, length: 60 * mib },
    join(folder, 'scratch'),
    AbortSignal.timeout(60_000),
  );
  await fs.write(targets(), journal.log(0, disk));
  const after = readFileSync(disk);
  expect(() => journalOf('next').rollBack()).toThrow(expect.objectContaining({ code: 'guest.torn' }));
  expect(readFileSync(disk).equals(after)).toBe(true);
  expect(marks(join(folder, 'kept')).isDiverged(0)).toBe(true);
});

test('ext - debugfs is killed after any of its commands: put back to the last byte', async () => {
  const before = readFileSync(disk);
  const commands = targets().flatMap(writing);
  let halves = 0;
  for (let done = 1; done <= commands.length; done++) {
    const journal = journalOf('this');
    journal.begin([0]);
    const log = journal.log(0, disk);
    keepSuperblock(log, disk, mib);
    const program = spawn('debugfs', ['-w', '-z', log, '-f', '-', `${disk}?offset=${mib}`], {
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 30_000,
    });
    const ended = once(program, 'close');
    // It says so much only when it is through with what came before.
    program.stdout.once('data', () => program.kill('SIGKILL'));
    program.stdin.write(`${commands.slice(0, done).join('\n')}\n${'stats\n'.repeat(8)}`);
    await ended;
    halves += Number(!readFileSync(disk).equals(before));
    journalOf('this').rollBack();
    expect(readFileSync(disk).equals(before)).toBe(true);
  }
  expect(halves).toBeGreaterThan(0);
}, 120_000);

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fat } from '../domain/fat.ts';
import { undo } from './undo.ts';
import { VfatFs } from './vfat-fs.ts';

const mib = 1024 ** 2;
const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', MTOOLS_SKIP_CHECK: '1' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-vfat-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A FAT file system of its own tools, 1 MiB into a disk. */
function esp(bits: 12 | 16 | 32): string {
  const [part, disk] = [join(folder, 'part'), join(folder, 'disk')];
  const run = (...[program, ...args]: string[]) =>
    execFileSync(program!, args, { env, timeout: 20_000, stdio: 'ignore' });
  const size = { 12: 2, 16: 16, 32: 40 }[bits];
  writeFileSync(part, '');
  truncateSync(part, size * mib);
  run('mkfs.vfat', '-F', String(bits), ...(bits === 32 ? ['-s', '1'] : []), part);
  writeFileSync(join(folder, 'loader'), Buffer.alloc(70_000, 'loader'));
  run('mmd', '-i', part, '::EFI', '::EFI/almalinux');
  run('mcopy', '-i', part, join(folder, 'loader'), '::EFI/almalinux/shimx64.efi');
  run('mcopy', '-i', part, join(folder, 'loader'), '::EFI/almalinux/a long name of its own.cfg');
  writeFileSync(disk, Buffer.concat([Buffer.alloc(mib), readFileSync(part)]));
  return disk;
}

test('vfat - read by our own hand as its tools wrote it, with 12, 16 and 32 bits', async () => {
  for (const bits of [12, 16, 32] as const) {
    const disk = readFileSync(esp(bits));
    const fat = new Fat((offset, length) => disk.subarray(offset, offset + length), mib);
    expect(fat.list('/efi/ALMALINUX')?.map(({ name, size }) => [name, size])).toEqual([
      ['shimx64.efi', 70_000],
      ['a long name of its own.cfg', 70_000],
    ]);
    expect(fat.file('/EFI/almalinux/SHIMX64.EFI', mib)?.equals(readFileSync(join(folder, 'loader')))).toBe(true);
    expect(fat.list('/none')).toBeUndefined();
    const said = execFileSync('mdir', ['-i', `${join(folder, 'part')}`], { env, timeout: 20_000 }).toString();
    expect(fat.freeBytes).toBe(Number(/([\d ]+) bytes free/.exec(said)![1]!.replaceAll(' ', '')));
  }
});

test('vfat - written by mtools on a copy; put back to the last byte', async () => {
  const path = esp(16);
  const before = readFileSync(path);
  mkdirSync(join(folder, 'scratch'));
  const fs = new VfatFs({ path, offset: mib, length: 16 * mib }, join(folder, 'scratch'), AbortSignal.timeout(30_000));
  const base = { mode: 0o100644, uid: 0, gid: 0, attributes: new Map() };
  const inner = '/EFI/BOOT/BOOTX64.EFI';
  await fs.write(
    [
      { ...base, path: '/boot/efi/EFI/BOOT', inner: '/EFI/BOOT', what: 'folder' },
      { ...base, path: `/boot/efi${inner}`, inner, what: { file: join(folder, 'loader') } },
    ],
    join(folder, 'log'),
  );
  expect((await fs.list(['/EFI/BOOT'])).get('/EFI/BOOT')).toMatchObject([{ name: 'BOOTX64.EFI', size: 70_000 }]);
  const { files } = await fs.dump([inner], mib);
  expect(readFileSync(files.get(inner)!).equals(readFileSync(join(folder, 'loader')))).toBe(true);
  undo(join(folder, 'log'), path);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('vfat - anything in it: an answer, soon', () => {
  const good = readFileSync(esp(12));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { maxLength: 20 }), (noise) => {
      const disk = Buffer.from(good);
      for (const [at, byte] of noise) disk[mib + at] = byte;
      const fat = new Fat((offset, length) => disk.subarray(offset, offset + length), mib);
      fat.list('/EFI/almalinux');
      fat.file('/EFI/almalinux/shimx64.efi', mib);
    }),
    { numRuns: 200, seed: 20 },
  );
});

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEsp } from '../../../adapters/esp.ts';
import { Guest } from '../../../adapters/guest.ts';
import { undo } from '../../../adapters/undo.ts';
import { VfatFs } from '../../../adapters/vfat-fs.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';

const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', MTOOLS_SKIP_CHECK: '1' };
const bytes = 2 * 1024 ** 2;
let base: Buffer;

function prepare(folder: string): void {
  const part = join(folder, 'fat');
  const loader = join(folder, 'loader');
  const ran = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env, timeout: 20_000, stdio: 'ignore' });
  writeFileSync(part, Buffer.alloc(bytes));
  writeFileSync(loader, Buffer.alloc(20_000, 'loader'));
  ran('mkfs.vfat', '-F', '12', part);
  ran('mmd', '-i', part, '::EFI', '::EFI/debian');
  ran('mcopy', '-i', part, loader, '::EFI/debian/shimx64.efi');
  ran('mcopy', '-i', part, loader, '::EFI/debian/a long name of its own.cfg');
  base = readFileSync(part);
}

/** The entry of a folder in the image. */
const entries = (image: Buffer) =>
  ['EFI        ', 'DEBIAN     ', 'SHIMX64 EFI', '.          ', '..         '].flatMap((name) => {
    const at = image.indexOf(name, 0, 'latin1');
    return at < 0 ? [] : [at];
  });

async function run(random: Random, { folder, signal }: Place): Promise<void> {
  const path = join(folder, 'esp.img');
  const image = Buffer.from(base);
  const reserved = image.readUInt16LE(14) * 512;
  // Folders that hold themselves, chains that turn back, sizes of gigabytes.
  for (const at of entries(image)) {
    if (random.chance(0.2)) image.writeUInt16LE(random.pick([2, 3, 4, random.below(65536)]), at + 26);
    if (random.chance(0.2)) image.writeUInt32LE(random.odd(), at + 28);
    if (random.chance(0.1)) image[at + 11] = random.below(256);
    if (random.chance(0.1)) image.write(random.pick(['..', '/', '\n', '$(id)', '\0']), at, 'latin1');
  }
  random.spoil(image, 6, 0, 512);
  random.spoil(image, 6, reserved, reserved + 64);
  random.spoil(image, 6, reserved, 32_768);
  const cut = random.chance(0.2) ? image.subarray(0, random.below(bytes)) : image;
  writeFileSync(path, cut);
  const fs = new VfatFs({ path, offset: 0, length: bytes }, join(folder, 'scratch'), signal);
  const volume = { disk: 0, offset: 0, length: bytes, fileSystem: { kind: 'vfat' as const, uuid: '', label: '' } };
  const found = await readEsp(new Guest([{ at: '/boot/efi', volume, fs }]));
  for (const { name } of found?.folders ?? []) must(!/[/\0\n]/.test(name), `a folder called ${JSON.stringify(name)}`);
  if (random.chance(0.05)) await written(fs, path, cut, folder);
}

/** What mtools makes of it is put back to the last byte. */
async function written(fs: VfatFs, path: string, before: Buffer, folder: string): Promise<void> {
  const file = join(folder, 'new');
  writeFileSync(file, 'x');
  const log = join(folder, 'log');
  const inner = '/EFI/NEW.EFI';
  const target = { inner, path: inner, what: { file }, mode: 0o100644, uid: 0, gid: 0, attributes: new Map() };
  try {
    await fs.write([target], log);
  } finally {
    undo(log, path);
    const after = readFileSync(path).subarray(0, before.length);
    must(after.equals(before), 'the file system is not what it was');
  }
}

export const fat: Kind = { share: 100, prepare, run };

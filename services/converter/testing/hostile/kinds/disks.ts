import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StepInput } from '@tranship/contracts';
import { systemClock } from '@tranship/service-kit';
import { convertDisks } from '../../../acts/convert.ts';
import { convertFiles } from '../../../acts/offline.ts';
import type { Image } from '../../../adapters/disks.ts';
import { hashOf } from '../../../adapters/hash.ts';
import { BadExt } from '../../../domain/ext-reader/blocks.ts';
import { Ext, isPlain } from '../../../domain/ext-reader/ext.ts';
import { inspect } from '../../../handlers/inspect.ts';
import { debugfs, folderOf, guestFiles, version } from '../../image.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';
import { expected } from './expected.ts';

const bytes = 8 * 1024 ** 2;
const marker = (i: number) => `odd-name-${i}`.padEnd(16, 'x');
const marked = ['/etc/network', '/etc/systemd/network', '/etc/netplan', '/boot', '/etc/udev/rules.d'];
/** On disk: the harness itself shall hold little. */
const bases: { file: string; filled: readonly number[] }[] = [];

/** ext4 on a whole disk, with sums of its metadata and without. */
function prepare(folder: string): void {
  if (bases.length > 0) return;
  const files = guestFiles('/dev/sda');
  const more = Object.fromEntries(marked.map((at, i) => [`${at}/${marker(i)}`, 'network: {}\n']));
  const tree = folderOf(join(folder, 'files'), { ...files, ...more });
  for (const options of [[], ['-O', '^metadata_csum,^has_journal'], ['-O', '^metadata_csum', '-I', '128']]) {
    const file = join(folder, `base-${bases.length}`);
    writeFileSync(file, '');
    truncateSync(file, bytes);
    const args = ['-q', '-F', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', tree, ...options, file];
    execFileSync('mke2fs', args, { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' }, timeout: 60_000 });
    bases.push({ file, filled: filledBlocks(readFileSync(file)) });
  }
}

/** Blocks of 1 KiB that hold something, the file system's own first. */
const filledBlocks = (image: Buffer): number[] =>
  Array.from({ length: image.length / 1024 }, (_, i) => i).filter((i) =>
    image.subarray(i * 1024, (i + 1) * 1024).some((byte) => byte !== 0),
  );

const odd = [
  'a\nb',
  '/../../x',
  'a"b',
  '$(id)',
  '..',
  '.',
  '\0',
  'a\n/12/100644/0/0/e/5/',
  '\xff\xfe',
  "a'b;id",
  '\t',
  '~',
  ' ',
];
const link = (random: Random) =>
  random.pick([
    '/',
    '..',
    '../../../../../../etc',
    '/proc/self/root/etc',
    'loop',
    '/dev/zero',
    '/away',
    '/etc/loop',
    '.',
  ]);
const known = [
  ...[
    '/etc/fstab',
    '/usr/lib/os-release',
    '/boot/grub/grub.cfg',
    `/boot/initrd.img-${version}`,
    '/etc/network/interfaces',
  ],
  ...[
    `/lib/modules/${version}/modules.dep`,
    '/etc/default/grub',
    '/etc',
    '/boot',
    '/lib/modules',
    '/etc/systemd/system',
  ],
];

/** Commands for debugfs that make something odd. */
function command(random: Random): string[] {
  const at = random.pick(known);
  switch (random.pick(['size', 'mode', 'link', 'loop', 'attribute', 'inode', 'blocks', 'node'])) {
    case 'size':
      return [
        `sif ${at} size ${random.pick(['0x7fffffffffff', '0xffffffffffffffff', '4294967296', '100000000', '0'])}`,
      ];
    case 'mode':
      return [`sif ${at} mode ${random.pick(['0120777', '040755', '0100644', '060000', '010000', '0', '0177777'])}`];
    case 'link':
      return [`rm ${at}`, `symlink ${at} ${link(random)}`];
    case 'loop':
      return [`link ${random.pick(['/etc', '/', '/boot'])} ${random.pick(['/etc/network/again', '/boot/grub/again'])}`];
    case 'attribute':
      return [
        `ea_set ${at} ${random.pick(['user.x', 'security.selinux', 'user.a b', 'trusted.'])} ${'v'.repeat(random.below(900))}`,
      ];
    case 'inode':
      return [`sif ${at} ${random.pick(['links_count', 'flags', 'uid', 'gid', 'generation'])} ${random.odd()}`];
    case 'blocks':
      return [`sif ${at} block[${random.below(15)}] ${random.odd()}`];
    default:
      return [`mknod ${random.pick(['/etc/netplan/a.yaml', '/etc/crypttab'])} ${random.pick(['p', 'c 1 5', 'b 8 0'])}`];
  }
}

function spoiltImage(random: Random): Buffer {
  const { file, filled } = random.pick(bases);
  const image = readFileSync(file);
  for (let left = random.below(4); left > 0; left--) {
    const block = random.pick(random.chance(0.5) ? filled.slice(0, 100) : filled) * 1024;
    random.spoil(image, 3, block, block + 1024);
  }
  for (let left = random.below(3); left > 0; left--) {
    const at = image.indexOf(marker(random.below(marked.length)));
    if (at >= 0) image.write(random.pick(odd).padEnd(16, random.pick(['x', '/', '\n', '"'])), at, 'latin1');
  }
  return image;
}

function spoilt(random: Random, path: string): void {
  writeFileSync(path, spoiltImage(random));
  if (random.chance(0.5))
    try {
      debugfs(path, 0, random.some(4, () => command(random)).flat(), true);
    } catch {
      // A file system that is spoilt already may not be opened to be written.
    }
  if (random.chance(0.2)) truncateSync(path, random.below(bytes));
}

function run(random: Random, place: Place): Promise<void> {
  const path = join(place.folder, '0', 'disk.img');
  mkdirSync(join(place.folder, '0'));
  spoilt(random, path);
  return put(random, place, { path, sizeBytes: bytes, mediaDir: '/none' });
}

interface Given {
  /** Below the place: `0/disk.img`. */
  readonly path: string;
  /** What it is said to be. */
  readonly sizeBytes: number;
  readonly mediaDir: string;
}

/** Puts a disk to the converter: to be inspected, and at times to be converted, where it lies or into an overlay. */
export async function put(
  random: Random,
  { folder, signal }: Place,
  { path, sizeBytes, mediaDir }: Given,
): Promise<void> {
  const before = await hashOf(path);
  const folders = { disksDir: folder, devicesDir: '/none', scratchDir: join(folder, 'scratch'), mediaDir };
  const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
  const disk = { index: 0, sizeBytes, volumeMode: 'Filesystem' } as StepInput<'inspect'>['disks'][number];
  const input = { migration: 'm', vm: 'v', workbench: 'w', disks: [disk], nics };
  const told = await expected(() => inspect(folders, input, { clock: systemClock, signal }));
  must(JSON.stringify(told ?? '').length < 240 * 1024, 'an inspection larger than an event');
  must((await hashOf(path)) === before, 'the inspection wrote to the disk');
  const what = random.below(10);
  const image = { index: 0, path, sizeBytes };
  if (what < 4) await converted({ ...folders, nics, signal }, image, before);
  else if (what < 5) await overlaid({ ...folders, nics, scratch: join(folder, 'own'), signal }, path, before);
  const left = existsSync(folders.scratchDir) ? readdirSync(folders.scratchDir) : [];
  must(!left.includes('inspect'), 'copies of the guest were left');
}

/** Whatever comes of it, it goes into the overlay. */
async function overlaid(request: Omit<Parameters<typeof convertFiles>[0], 'files'>, path: string, before: string) {
  mkdirSync(request.scratch);
  await expected(() => convertFiles({ ...request, files: [path], overlay: join(request.scratch, 'overlay.qcow2') }));
  must((await hashOf(path)) === before, 'a conversion into an overlay wrote to the disk');
}

/** It is wholly converted, which a check of the file system vouches for, or what it was to the last byte. */
async function converted(
  given: Pick<Parameters<typeof convertDisks>[0], 'scratchDir' | 'mediaDir' | 'nics' | 'signal'>,
  image: Image,
  before: string,
): Promise<void> {
  const scratchDir = mkdtempSync(join(given.scratchDir, 'convert-'));
  const job = { ...given, scratchDir, key: 'm/v', now: () => performance.now(), warn: () => {} };
  const result = await expected(() => convertDisks({ ...job, images: [image] }));
  must(JSON.stringify(result ?? '').length < 240 * 1024, 'a result larger than an event');
  if (!result || result.changes.length === 0)
    must((await hashOf(image.path)) === before, 'a disk that was not converted has changed');
}

export const disks: Kind = { share: 30, prepare, run };

/** The same, read by our own hand: every name and every byte that it tells of, or a word on what makes no sense. */
export const ext: Kind = {
  share: 60,
  prepare,
  run(random) {
    const image = spoiltImage(random);
    const whole = random.chance(0.2) ? image.subarray(0, random.below(bytes)) : image;
    const read = (offset: number, length: number) =>
      Number.isSafeInteger(offset) && offset >= 0 ? whole.subarray(offset, offset + length) : Buffer.alloc(0);
    try {
      const found = new Ext(read, 0);
      for (const path of known) {
        for (const name of found.list(path)?.keys() ?? []) must(!/[/\0]/.test(name), `a name ${JSON.stringify(name)}`);
        const node = found.find(path, random.chance(0.5));
        if (node && isPlain(node)) found.content(node, random.odd(), 1024 ** 2);
      }
    } catch (error) {
      if (!(error instanceof BadExt)) throw error;
    }
  },
};

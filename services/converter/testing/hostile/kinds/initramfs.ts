import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readInitrd } from '../../../adapters/initrd.ts';
import { unpackModule } from '../../../adapters/unpack.ts';
import { cpio } from '../../../domain/cpio.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';

const mib = 1024 ** 2;
const good = cpio([
  { path: 'conf' },
  { path: 'conf/modules', content: Buffer.alloc(3000, 'x') },
  { path: 'a/../../etc', content: Buffer.from('y') },
  { path: `${'d/'.repeat(500)}deep`, content: Buffer.alloc(10) },
]);
/** One entry with the longest name, without an end. */
const entry = cpio([{ path: 'n'.repeat(4000), content: Buffer.alloc(0) }]).subarray(0, -128);
/** Of a file that says it is 4 GiB long, and of which there is no end. */
const huge = cpio([{ path: 'big', content: Buffer.alloc(0) }]).subarray(0, 112);
huge.write('ffffffff', 54);
const zeros = Buffer.alloc(16 * mib);

type Packer = 'none' | 'gzip' | 'zstd' | 'xz' | 'lzma' | 'lz4' | 'bzip2';
const programs: readonly Packer[] = ['xz', 'lzma', 'lz4', 'bzip2'];
const packed = new Map<Packer, { good: Buffer; zeros: Buffer; names: Buffer }>();

function pack(packer: Packer, input: Buffer): Buffer {
  if (packer === 'none') return input;
  if (packer === 'gzip') return gzipSync(input, { level: 1 });
  if (packer === 'zstd') return zstdCompressSync(input);
  const program = packer === 'lzma' ? 'xz' : packer;
  const args = packer === 'lzma' ? ['--format=lzma', '-1', '-c'] : ['-1', '-c'];
  return spawnSync(program, args, { input, maxBuffer: 64 * mib, timeout: 60_000 }).stdout;
}

function prepare(): void {
  if (packed.size > 0) return;
  const names = Buffer.concat(Array.from({ length: 500 }, () => entry));
  for (const packer of ['none', 'gzip', 'zstd', ...programs] as const)
    packed.set(packer, { good: pack(packer, good), zeros: pack(packer, zeros), names: pack(packer, names) });
}

/** Packed pieces one behind the other are one file for gzip, zstd, xz, lz4 and bzip2: gigabytes from some kilobytes. */
function bomb(random: Random): Buffer {
  const packer = random.pick(['gzip', 'zstd', 'xz', 'lz4', 'bzip2'] as const);
  const own = packed.get(packer)!;
  const count = random.pick([2, 8]);
  if (random.chance(0.5)) return Buffer.concat(Array.from({ length: 40 * count }, () => own.names));
  return Buffer.concat([pack(packer, huge), ...Array.from({ length: count }, () => own.zeros)]);
}

/** LZMA that wants a dictionary of 4 GiB. */
const greedy = Buffer.concat([Buffer.from('5d0000ffffffff', 'hex'), Buffer.alloc(8, 0xff), Buffer.alloc(64, 7)]);

async function run(random: Random, { folder, signal }: Place): Promise<void> {
  const file = join(folder, 'initrd');
  const what = random.pick(['cut', 'cut', 'cut', 'noise', 'noise', 'noise', 'inside', 'module']);
  const packer = random.pick(random.chance(0.1) ? programs : (['none', 'gzip', 'zstd'] as const));
  const archive = Buffer.from(packed.get(packer)!.good);
  if (what === 'inside') {
    const inside = Buffer.from(good);
    random.spoil(inside, 6);
    writeFileSync(file, pack(random.pick(['none', 'gzip', 'zstd']), inside));
  } else {
    if (what === 'noise') random.spoil(archive, 6);
    writeFileSync(file, what === 'cut' ? archive.subarray(0, random.below(archive.length)) : archive);
  }
  if (what === 'module') {
    const module = await unpackModule(random.chance(0.02) ? packed.get('gzip')!.zeros : archive, signal);
    must((module?.length ?? 0) <= 16 * mib, 'a module of more than any');
  }
  told(await readInitrd(file, signal));
}

function told(found: Awaited<ReturnType<typeof readInitrd>>): void {
  const bytes = found?.names.reduce((sum, name) => sum + name.length, 0) ?? 0;
  must(bytes <= 4 * mib, `${bytes} bytes of names`);
}

export const initramfs: Kind = { share: 150, prepare, run };

export const bombs: Kind = {
  share: 4,
  prepare,
  async run(random, { folder, signal }) {
    const file = join(folder, 'initrd');
    writeFileSync(file, random.chance(0.2) ? greedy : bomb(random));
    const max = random.chance(0.1) ? undefined : 32 * mib;
    must((await readInitrd(file, signal, max)) === undefined, 'a bomb was taken for an initramfs');
  },
};

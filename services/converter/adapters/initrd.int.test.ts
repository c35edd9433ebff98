import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cpio } from '../domain/cpio.ts';
import { initramfsChange } from '../domain/initramfs.ts';
import { kernel } from '../testing/tree.ts';
import { prepareEdit } from './edit.ts';
import { FolderFs } from './folder-fs.ts';
import { Guest } from './guest.ts';
import { readInitrd } from './initrd.ts';
import { unpackModule } from './unpack.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-initrd-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const signal = () => AbortSignal.timeout(60_000);
const main = cpio([
  { path: 'conf' },
  { path: 'conf/modules', content: Buffer.from('sd_mod\n') },
  // More than one chunk of any packer.
  { path: 'big', content: Buffer.alloc(9 * 1024 ** 2) },
]);
const microcode = cpio([{ path: 'kernel/x86/microcode/GenuineIntel.bin', content: Buffer.alloc(3000, 7) }]);

/** How initramfs tools call the packers: program, arguments, the package that has it. */
const packers: Readonly<Record<string, readonly [string, string, string]>> = {
  gzip: ['gzip', '-nc', 'gzip'],
  xz: ['xz', '-c --check=crc32', 'xz-utils'],
  zstd: ['zstd', '-qc', 'zstd'],
  lz4: ['lz4', '-qlc', 'lz4'],
  bzip2: ['bzip2', '-c', 'bzip2'],
  lzma: ['xz', '-c --format=lzma', 'xz-utils'],
};

/** @throws Error that names the package where the program is not there */
function packed(packer: string, content: Buffer): Buffer {
  if (packer === 'nothing') return content;
  const [program, args, from] = packers[packer]!;
  try {
    return execFileSync(program, args.split(' '), {
      ...{ input: content, maxBuffer: 64 * 1024 ** 2, timeout: 30_000 },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch (cause) {
    throw new Error(`${program} does not pack here: apt-get install ${from}`, { cause });
  }
}

const file = (...parts: Buffer[]) => {
  const path = join(folder, 'initrd.img');
  writeFileSync(path, Buffer.concat(parts));
  return path;
};
const gap = (bytes: Buffer) => Buffer.alloc(512 - (bytes.length % 512));

test.each(['nothing', ...Object.keys(packers)])(
  'initramfs - packed by %s: read, with microcode before it and without',
  async (packer) => {
    const archive = packed(packer, main);
    const wanted = { names: ['conf', 'conf/modules', 'big'], texts: new Map([['conf/modules', 'sd_mod\n']]) };
    expect(await readInitrd(file(archive), signal())).toMatchObject(wanted);
    expect(await readInitrd(file(microcode, gap(microcode), archive), signal())).toMatchObject({
      ...wanted,
      names: ['kernel/x86/microcode/GenuineIntel.bin', ...wanted.names],
    });
    expect(await readInitrd(file(archive.subarray(0, archive.length / 2)), signal())).toBeUndefined();
  },
);

test.each([
  ['.ko', 'nothing'],
  ['.ko.gz', 'gzip'],
  ['.ko.xz', 'xz'],
  ['.ko.zst', 'zstd'],
])('modules - %s is unpacked to what the kernel loads', async (_, packer) => {
  const module = Buffer.concat([Buffer.from('7f454c46', 'hex'), Buffer.alloc(300_000, 'code')]);
  expect((await unpackModule(packed(packer, module), signal()))?.equals(module)).toBe(true);
});

/** The guest's initramfs after an edit by the change that its kernel asks for. */
async function converted(initrd: Buffer): Promise<Buffer> {
  const path = file(initrd);
  const held = await readInitrd(path, signal());
  expect(held).toBeDefined();
  const change = initramfsChange(kernel({ ...held, holds: ['conf/arch.conf'], initrd: '/initrd.img' }), new Map());
  if (!change || !('kind' in change)) throw new Error(change?.detail);
  const volume = { disk: 0, offset: 0, length: 0 };
  const guest = new Guest([{ at: '/', volume, fs: new FolderFs(folder, join(folder, 'scratch')) }]);
  const { targets } = await prepareEdit(guest, [change], { scratch: folder, signal: signal() });
  const [target] = targets;
  if (targets.length === 0) return initrd;
  return typeof target!.what === 'object' && 'file' in target!.what ? readFileSync(target!.what.file) : Buffer.alloc(0);
}

test('initramfs - behind lz4 stands lz4, without a byte between, as every kernel reads on; a second run adds nothing', async () => {
  // Of a length that is no multiple of four.
  const lz4 = ['sd_mod', 'sd_mod, sr_mod', 'sd_mod, sr_mod, ata_piix']
    .map((modules) => packed('lz4', cpio([{ path: 'conf/modules', content: Buffer.from(modules) }])))
    .find(({ length }) => length % 4 !== 0)!;
  const after = await converted(lz4);
  expect(after.subarray(0, lz4.length).equals(lz4)).toBe(true);
  const unpacked = execFileSync('lz4', ['-dc'], { input: after, timeout: 30_000 });
  const ours = unpacked.subarray(unpacked.lastIndexOf('070701', unpacked.indexOf('usr\0')));
  const listed = execFileSync('cpio', ['-t', '--quiet'], { input: ours, timeout: 10_000 });
  expect(listed.toString()).toContain('virtio_blk.ko');
  expect((await converted(after)).equals(after)).toBe(true);
});

test('initramfs - lz4 with something behind it is refused: most kernels would not come to what is appended', async () => {
  const lz4 = packed('lz4', main);
  for (const end of [Buffer.alloc(512), packed('gzip', main)])
    await expect(converted(Buffer.concat([lz4, end]))).rejects.toThrow('does not end with it');
});

test('initramfs - behind any other packing stands gzip, from a multiple of four', async () => {
  for (const packer of ['nothing', 'gzip', 'zstd']) {
    const before = packed(packer, main);
    const after = await converted(before);
    expect(after.indexOf(Buffer.from('1f8b0800', 'hex'), before.length)).toBe(Math.ceil(before.length / 4) * 4);
  }
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectFiles } from '../../../acts/offline.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';
import { expected } from './expected.ts';

const mib = 1024 ** 2;
const options = ['qcow2', 'qcow2,compat=0.10', 'vmdk', 'vmdk,subformat=streamOptimized'];
const bases: Buffer[] = [];

function prepare(folder: string): void {
  const raw = join(folder, 'raw');
  writeFileSync(raw, Buffer.alloc(mib, 'x'));
  truncateSync(raw, 8 * mib);
  for (const [i, option] of options.entries()) {
    const [format, ...more] = option.split(',') as [string, ...string[]];
    const image = join(folder, String(i));
    const args = ['convert', '-O', format, ...more.flatMap((each) => ['-o', each]), raw, image];
    execFileSync('qemu-img', args, { timeout: 30_000, stdio: 'ignore' });
    bases.push(readFileSync(image));
  }
}

const descriptor = (extent: string) =>
  `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 16 FLAT "${extent}" 0\n`;

/** Headers and tables with anything in them, or that name files of this machine. */
async function run(random: Random, { folder, signal }: Place): Promise<void> {
  const [file, scratch] = [join(folder, 'image'), join(folder, 'scratch')];
  mkdirSync(scratch);
  const image = Buffer.from(random.pick(bases));
  random.spoil(image, 8, 0, random.pick([128, 512, 4096, image.length]));
  writeFileSync(
    file,
    random.chance(0.1) ? descriptor(random.pick(['/etc/passwd', '../x', 'image', '/dev/zero'])) : image,
  );
  const before = readFileSync(file);
  await expected(() => inspectFiles({ files: [file], nics: [], mediaDir: join(folder, 'none'), scratch, signal }));
  must(readFileSync(file).equals(before), 'the image was written to');
  for (const name of readdirSync(scratch))
    must(statSync(join(scratch, name)).blocks * 512 <= 64 * mib, 'a small image became a large file');
}

export const images: Kind = { share: 6, prepare, run };

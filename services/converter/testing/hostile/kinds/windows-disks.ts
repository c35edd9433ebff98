import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ntfsTool } from '../../ntfs-tool.ts';
import { mediaWith, windowsDisk } from '../../windows.ts';
import type { Kind, Place } from '../kind.ts';
import type { Random } from '../random.ts';
import { put } from './disks.ts';

const block = 1024;
const base = { file: '', filled: [0], hives: [0], mediaDir: '' };

async function prepare(folder: string): Promise<void> {
  ntfsTool();
  base.file = join(folder, 'base');
  await windowsDisk(base.file, folder, { sizeMiB: 8 });
  const image = readFileSync(base.file);
  base.filled = Array.from({ length: image.length / block }, (_, i) => i * block).filter((at) => {
    const bytes = image.subarray(at, at + block);
    return bytes.some((byte) => byte !== 0 && byte !== 0xff);
  });
  base.hives = base.filled.filter((at) => ['regf', 'hbin'].includes(image.toString('latin1', at, at + 4)));
  base.mediaDir = mediaWith(join(folder, 'media'));
}

/** A Windows, in whose volume or hives words were put that do not belong there. */
function run(random: Random, place: Place): Promise<void> {
  const image = readFileSync(base.file);
  for (const at of random.some(3, () => random.pick(base.filled))) random.spoil(image, 4, at, at + block);
  for (const at of random.some(2, () => random.pick(base.hives))) random.spoil(image, 6, at + 32, at + 4 * block);
  const whole = random.chance(0.1) ? image.subarray(0, random.below(image.length)) : image;
  const path = join(place.folder, '0', 'disk.img');
  mkdirSync(join(place.folder, '0'));
  writeFileSync(path, whole);
  return put(random, place, { path, sizeBytes: image.length, mediaDir: base.mediaDir });
}

/** By hivex and libntfs-3g too, under their bounds. */
export const windows: Kind = { share: 12, prepare, run };

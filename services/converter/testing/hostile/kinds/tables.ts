import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { probeDisks } from '../../../adapters/disks.ts';
import { readPartitions } from '../../../domain/partitions.ts';
import { identify } from '../../../domain/superblock.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';

const size = 1024 ** 2;
const magics = ['XFSB', 'LUKS\xba\xbe', 'NTFS    ', '-FVE-FS-', 'SWAPSPACE2', 'LABELONE', '_BHRfS_M', 'FAT32   ', ''];
const places = [0, 3, 54, 82, 512, 1024, 4086, 65536 + 64];

/** A disk of 1 MiB with a valid GPT or MBR and superblocks, some words of which are anything. */
function disk(random: Random): Buffer {
  const image = Buffer.alloc(size);
  const table = random.pick(['mbr', 'gpt', 'extended', 'loop']);
  image.writeUInt16LE(0xaa55, 510);
  image[450] = { mbr: 0x83, gpt: 0xee, extended: 0x05, loop: 0x05 }[table]!;
  image.writeUInt32LE(1, 454);
  image.writeUInt32LE(2000, 458);
  if (table === 'gpt') {
    image.write('EFI PART', 512);
    image.writeBigUInt64LE(2n, 512 + 72);
    image.writeUInt32LE(random.pick([128, 1024, 0xffffffff]), 512 + 80);
    image.writeUInt32LE(random.pick([128, 4096, 0]), 512 + 84);
    image.fill(7, 1024, 1024 + 48);
  }
  // A logical partition whose next record is itself.
  if (table === 'loop') {
    image.writeUInt16LE(0xaa55, 512 + 510);
    for (const [at, word] of [
      [450, 0x83],
      [454, 1],
      [458, 8],
      [466, 0x05],
      [470, 0],
      [474, 8],
    ] as const)
      image.writeUInt32LE(word, 512 + at);
  }
  image.writeUInt16LE(0xef53, 512 + 1024 + 56);
  for (const magic of random.some(2, () => random.pick(magics)))
    image.write(magic, random.pick(places) + random.pick([0, 512, 1024]), 'latin1');
  random.spoil(image, 12, 0, random.pick([512, 4096, 131_072]));
  return image;
}

function inMemory(random: Random): void {
  const image = disk(random);
  const whole = random.chance(0.2) ? image.subarray(0, random.below(size)) : image;
  const read = (offset: number, length: number) =>
    offset >= 0 && Number.isSafeInteger(offset) ? whole.subarray(offset, offset + length) : Buffer.alloc(0);
  const { partitions } = readPartitions(read, size);
  must(partitions.length < 1100, `${partitions.length} partitions`);
  for (const { offset, length } of partitions) {
    must(offset > 0 && length > 0 && offset + length <= size, `a partition of ${length} at ${offset}`);
    identify(read, offset, length);
  }
  identify(read, 0, size);
}

export const tables: Kind = { share: 300, run: inMemory };

/** The first MiB of a physical volume, as LVM's own tools wrote it. */
const physical = gunzipSync(
  Buffer.from(readFileSync(new URL('../../fixtures/pv-my-vg.gz.b64', import.meta.url), 'utf8'), 'base64'),
);
const words = ['{', '}', '[', ']', '=', '"', '#', '\\', '\0', '99999999999999999999', 'segment1', '-1', '\n'];

/** Files through the adapter that probes them: tables, or a physical volume with anything in its label and its text; cut off anywhere. */
function probed(random: Random, { folder }: Place): void {
  const file = join(folder, 'disk.img');
  const image = random.chance(0.5) ? disk(random) : Buffer.from(physical);
  if (image.length === physical.length) {
    const text = image.indexOf('my-vg');
    for (let left = random.below(8); left > 0; left--) image.write(random.pick(words), text + random.below(2000));
    random.spoil(image, 6, 0, 8192);
  }
  writeFileSync(file, image);
  if (random.chance(0.3)) truncateSync(file, random.below(image.length));
  const sizeBytes = random.pick([size, image.length, random.below(size), 2 ** 45]);
  for (const { volumes } of probeDisks([{ index: 0, path: file, sizeBytes }]).disks)
    for (const { offset, length } of volumes)
      must(
        offset >= 0 && length > 0 && offset + length <= Math.max(sizeBytes, 1),
        `a volume of ${length} at ${offset}`,
      );
}

export const probes: Kind = { share: 100, run: probed };

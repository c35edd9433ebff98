import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Read } from '../../../domain/read.ts';
import { Hive } from '../../../domain/windows/hive.ts';
import { Ntfs } from '../../../domain/windows/ntfs.ts';
import { ntfsState } from '../../../domain/windows/windows.ts';
import { type Kind, must } from '../kind.ts';
import type { Random } from '../random.ts';

/** 4 MiB by mkntfs with a SOFTWARE hive. */
const volume = gunzipSync(
  Buffer.from(readFileSync(new URL('../../fixtures/ntfs-windows.gz.b64', import.meta.url), 'utf8'), 'base64'),
);
/** Each read is a copy, as it is of a file. */
const from =
  (bytes: Buffer): Read =>
  (offset, length) =>
    Number.isSafeInteger(offset) && offset >= 0
      ? Buffer.from(bytes.subarray(offset, offset + length))
      : Buffer.alloc(0);
const software = new Ntfs(from(volume), 0).open('Windows/System32/config/SOFTWARE')!;
const hive = software.read(0, software.size);
const places = [0, 0, ...['FILE', 'INDX', 'regf', 'hbin', 'FILE0'].map((magic) => volume.indexOf(magic))];
const records = Number(volume.readBigUInt64LE(48)) * 4096;

export const ntfs: Kind = {
  share: 150,
  run(random: Random) {
    const image = Buffer.from(volume);
    for (const place of random.some(6, () => random.pick(places))) random.spoil(image, 8, place, place + 4096);
    if (random.chance(0.5)) random.spoil(image, 40, records, records + 64 * 1024);
    const whole = random.chance(0.2) ? image.subarray(0, random.below(image.length)) : image;
    const found = ntfsState({ disk: 0, offset: 0, length: image.length }, from(whole));
    must(typeof found.dirty === 'boolean' && typeof found.hibernated === 'boolean', 'no answer');
  },
};

/** A list of 65,535 keys, all in one cell of a MiB, or in lists that hold themselves. */
function bomb(random: Random): Buffer {
  const image = Buffer.alloc(3 * 1024 ** 2);
  const page = 4096;
  const kind = random.pick(['li', 'lf', 'ri']);
  image.write('regf', 0);
  image.writeUInt32LE(32, 36);
  const key = (at: number, size: number) => {
    image.writeInt32LE(-size, page + at);
    image.write('nk', page + at + 4);
    image.writeUInt32LE(65_535, page + at + 4 + 20);
    image.writeUInt32LE(1024, page + at + 4 + 28);
    image.writeUInt32LE(65_535, page + at + 4 + 36);
    image.writeUInt32LE(1024, page + at + 4 + 40);
    image.writeUInt16LE(random.pick([1, 65_535]), page + at + 4 + 72);
  };
  key(32, 128);
  image.writeInt32LE(-(600 * 1024), page + 1024);
  image.write(kind, page + 1028);
  image.writeUInt16LE(65_535, page + 1030);
  const target = kind === 'ri' ? 1024 : 1024 ** 2;
  for (let i = 0; i < 65_535; i++) image.writeUInt32LE(target, page + 1032 + i * (kind === 'lf' ? 8 : 4));
  key(1024 ** 2, 1024 ** 2);
  return image;
}

export const hives: Kind = {
  share: 80,
  run(random: Random) {
    const image = random.chance(0.05) ? bomb(random) : Buffer.from(hive);
    random.spoil(image, 12, 0, Math.min(image.length, random.pick([4096, 8192, image.length])));
    const found = new Hive(from(image));
    const below = found.keys('').map((name) => `${name}\\Windows NT\\CurrentVersion`);
    for (const key of ['', 'Microsoft\\Windows NT\\CurrentVersion', ...below.slice(0, 50)])
      for (const name of [...found.values(key).slice(0, 50), 'ProductName']) found.value(key, name);
  },
};

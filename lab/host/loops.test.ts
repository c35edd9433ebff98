import { expect, test } from 'vitest';
import { below, type Loop } from './loops.ts';

const loop = (name: string, file: string | null, place = '254:0 77'): Loop => {
  const [device = '', inode = ''] = place.split(' ');
  return { name, 'back-file': file, 'back-ino': Number(inode), 'back-maj:min': `  ${device} ` };
};
const places: Readonly<Record<string, string>> = { '/dev/loop0': '0:6 94', '/dev/loop1': '0:6 95' };
const ours = (loops: Loop[]) => below('/state/lab', loops, (file) => places[file]!);

test('loops - files of the folder, removed ones too; not of a folder beside it', () => {
  const loops = [
    loop('/dev/loop0', '/state/lab/volumes/a.raw'),
    loop('/dev/loop1', '/state/lab/volumes/b.raw (deleted)'),
    loop('/dev/loop2', '/state/lab2/volumes/a.raw'),
    loop('/dev/loop3', null),
  ];
  expect(ours(loops)).toEqual(['/dev/loop0', '/dev/loop1']);
});

test('loops - what a kubelet made over a device of ours goes before it; not what lies over another', () => {
  const loops = [
    loop('/dev/loop0', '/state/lab/volumes/a.raw'),
    loop('/dev/loop4', '/state/lab/kubelet/dev/one', '0:6 94'), // its mount is there still
    loop('/dev/loop5', '/', '0:6 94'),
    loop('/dev/loop6', '/', '0:6 96'),
    loop('/dev/loop7', '/home/disk.raw', '254:0 94'),
  ];
  expect(ours(loops)).toEqual(['/dev/loop4', '/dev/loop5', '/dev/loop0']);
});

import { readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pages } from './arena.ts';
import { openDirect } from './direct.ts';
import { Disk, Ledger, prove, runPass } from './index.ts';
import { directFolder } from './testing/place.ts';
import { MemorySource, mib } from './testing/source.ts';

let dir: string;
beforeEach(async () => {
  dir = await directFolder();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const image = () => join(dir, 'disk.img');

/** What this process had from its disks; what came from memory does not count. */
const fromDisk = () => Number(/^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

/** As of a file system that takes O_DIRECT at the open, and no read or write with it. */
async function refusing(path: string): Promise<FileHandle> {
  const file = await open(path, 'r+');
  const refuse = () => Promise.reject(Object.assign(new Error('EINVAL: invalid argument'), { code: 'EINVAL' }));
  return Object.assign(file, { read: refuse, write: refuse });
}
const never = async () => undefined;

const handles: [string, typeof openDirect][] = [
  ['that takes direct I/O', openDirect],
  ['that takes it at the open and refuses it at each read and write', refusing],
  ['without it', never],
];
test.each(handles)(
  'past the cache - on a file system %s the copy is whole, and its proof comes from the disk',
  async (_, direct) => {
    const source = new MemorySource(Buffer.alloc(24 * mib + 700, 'as at the source'));
    const sizeBytes = source.size;
    const ledger = await Ledger.open(dir, { vm: 'vm-1', disk: 0, key: 2000, sizeBytes });
    const sink = await Disk.file(image(), sizeBytes, direct);
    const { root } = await runPass({
      ...{ source: async () => source, sink, ledger, sizeBytes },
      request: { pass: 1, how: 'full' },
    });
    await sink.close();
    // Now all of it is in memory.
    expect(readFileSync(image()).equals(source.bytes)).toBe(true);
    const existing = await Disk.existing(image(), sizeBytes, direct);
    const before = fromDisk();
    expect(await prove({ sink: existing, ledger, sizeBytes, pass: 1 })).toMatchObject({ root });
    const read = fromDisk() - before;
    expect(read).toBeGreaterThanOrEqual(sizeBytes);
    expect(read).toBeLessThan(1.25 * sizeBytes);
    await Promise.all([existing.close(), ledger.close()]);
  },
);

test('direct - what is written and read stays out of memory: each read is the disk’s', async () => {
  const disk = await Disk.file(image(), 8 * mib);
  await disk.write(0, pages(8 * mib).fill('written'));
  const [before, target] = [fromDisk(), pages(8 * mib)];
  await disk.read(0, target);
  await disk.read(0, target);
  expect(fromDisk() - before).toBeGreaterThanOrEqual(16 * mib);
  expect(target.toString('latin1', 0, 7)).toBe('written');
  await disk.close();
});

test('forget - the odd end of a disk, which is no whole page, comes from the disk as well', async () => {
  const disk = await Disk.file(image(), mib + 100);
  await disk.write(0, pages(mib + 100).fill('written'));
  await disk.forget();
  const before = fromDisk();
  await disk.read(mib, Buffer.alloc(100));
  expect(fromDisk()).toBeGreaterThan(before);
  await disk.close();
});

test.each([
  ['at once, without direct I/O', never, false],
  ['at the first read, where direct I/O is refused', refusing, true],
])('forget - what cannot be dropped from the cache is an error %s', async (_, direct, forgets) => {
  const disk = await Disk.file(image(), mib, direct);
  const target = pages(mib);
  if (forgets) await disk.forget();
  // So that the cache cannot be dropped by its path.
  rmSync(image());
  const proving = forgets ? disk.read(0, target) : disk.forget();
  await expect(proving).rejects.toMatchObject({ code: 'transfer.cached' });
  await disk.close();
});

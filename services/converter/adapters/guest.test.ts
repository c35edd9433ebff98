import { expect, test } from 'vitest';
import type { Entry, WritableFs } from '../ports.ts';
import { writeTargets } from './commit.ts';
import { Guest } from './guest.ts';

const entry = (name: string): Entry => ({ name, mode: 0o100644, uid: 0, gid: 0, size: 1 });

/** A file system of folders alone, which keeps what it was asked for. */
class Folders implements WritableFs {
  readonly asked: string[] = [];
  readonly folders: Map<string, Entry[]>;

  constructor(folders: Record<string, string[]>) {
    this.folders = new Map(Object.entries(folders).map(([path, names]) => [path, names.map(entry)]));
  }

  async list(wanted: readonly string[]): Promise<Map<string, Entry[]>> {
    this.asked.push(...wanted);
    return new Map(wanted.flatMap((path) => (this.folders.has(path) ? [[path, this.folders.get(path)!]] : [])));
  }

  async write(): Promise<void> {
    this.folders.set('/etc', [entry('fstab'), entry('new')]);
  }

  dump = () => Promise.reject(new Error('it has no files'));
  attributes = () => Promise.resolve(new Map());
  check = () => Promise.resolve(undefined);
}

const guestOf = (folders: Record<string, string[]>) => {
  const fs = new Folders(folders);
  return { fs, guest: new Guest([{ at: '/', volume: { disk: 0, offset: 0, length: 0 }, fs }]) };
};
const names = async (guest: Guest, folder: string) => (await guest.list([folder])).get(folder)?.map(({ name }) => name);

test('guest - a folder is asked for once, whether it is there or not, and anew when something was written', async () => {
  const { fs, guest } = guestOf({ '/': ['etc'], '/etc': ['fstab'] });
  expect(await names(guest, '/etc')).toEqual(['fstab']);
  expect([...(await guest.list(['/', '/etc', '/none', '/etc'])).keys()]).toEqual(['/', '/etc']);
  expect(await names(guest, '/none')).toBeUndefined();
  expect(fs.asked).toEqual(['/etc', '/', '/none']);
  const target = { path: '/etc/new', what: 'folder', mode: 0, uid: 0, gid: 0, attributes: new Map() } as const;
  await writeTargets(guest, [target], () => '');
  expect(await names(guest, '/etc')).toEqual(['fstab', 'new']);
});

test('guest - more names than any guest has are refused, however many questions they come by', async () => {
  const many = Array.from({ length: 60_000 }, (_, i) => `file-${i}`);
  const { guest } = guestOf({ '/a': many, '/b': many, '/c': many, '/d': many });
  for (const folder of ['/a', '/b', '/c']) expect(await names(guest, folder)).toHaveLength(60_000);
  await expect(names(guest, '/d')).rejects.toThrow(/240000 names/);
});

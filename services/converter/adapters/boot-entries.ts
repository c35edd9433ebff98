import { posix } from 'node:path';
import { type BootEntry, isRescue, versionOf } from '../domain/boot-entries.ts';
import type { Started } from '../domain/facts.ts';
import type { GuestFs } from '../ports.ts';
import { isFile } from './entries.ts';
import { entryAt, type Guest, speller } from './guest.ts';

/** A kernel's initramfs, by its path in the guest. */
export interface Found {
  readonly version: string;
  readonly initrd: string;
}

const maxEntries = 64;

/** Looks for what boot loader entries start, on the file systems that they lie on. */
export async function followEntries(
  guest: Guest<GuestFs>,
  entries: readonly BootEntry[],
  versions: readonly string[],
): Promise<{ readonly found: readonly Found[]; readonly started: readonly Started[] }> {
  const placed = entries.slice(0, maxEntries).map((entry) => ({
    entry,
    linux: placesOf(guest, entry, entry.linux),
    initrd: placesOf(guest, entry, entry.initrd),
  }));
  const all = placed.flatMap(({ linux, initrd }) => [...linux, ...initrd]);
  const onFat = all.filter((path) => isFat(guest, path));
  const spell = await speller(guest, onFat);
  const place = (path: string) => (isFat(guest, path) ? spell(path) : path);
  const listing = await guest.list(new Set(all.map((path) => posix.dirname(place(path)))));
  const plain = (places: readonly string[]) =>
    places.map(place).find((path) => {
      const entry = entryAt(listing, path);
      return entry !== undefined && isFile(entry);
    });
  const found: Found[] = [];
  const started = placed.map(({ entry, linux, initrd: places }): Started => {
    const initrd = plain(places);
    const told = { entry: entry.path, initrd: initrd ?? places[0]! };
    if (initrd === undefined) return { ...told, state: plain(linux) === undefined ? 'gone' : 'lost' };
    const version = versionOf(entry, versions);
    if (version === undefined) return { ...told, state: isRescue(entry) ? 'rescue' : 'foreign' };
    found.push({ version, initrd });
    return { ...told, state: 'known' };
  });
  return { found, started };
}

const isFat = (guest: Guest<GuestFs>, path: string) => guest.locate(path).mount.volume.fileSystem?.kind === 'vfat';

/** Where a path of an entry may be: on btrfs GRUB's paths begin above the subvolume. */
function placesOf(guest: Guest<GuestFs>, { path: entry }: BootEntry, path: string): string[] {
  const { at, volume } = guest.locate(entry).mount;
  // Never above the root of its file system.
  const parts = posix.normalize(`/${path}`).split('/').slice(1);
  const starts = volume.fileSystem?.kind === 'btrfs' ? parts.map((_, i) => i) : [0];
  return starts.map((start) => posix.join(at, ...parts.slice(start)));
}

import { type Esp, fallbackNames, loaderNames } from '../domain/esp.ts';
import { isEsp } from '../domain/partitions.ts';
import type { GuestFs } from '../ports.ts';
import { isFile } from './entries.ts';
import type { Guest } from './guest.ts';

const maxFolders = 32;
const maxBytes = 32 * 1024 ** 2;

/** The loaders on the guest's EFI system partition; undefined: it has none. */
export async function readEsp(guest: Guest<GuestFs>): Promise<Esp | undefined> {
  const fat = guest.mounts.filter(({ volume }) => volume.fileSystem?.kind === 'vfat');
  const at = (fat.find(({ volume }) => isEsp(volume.partition?.type)) ?? fat[0])?.at;
  if (at === undefined) return undefined;
  const top = `${at}/EFI`;
  const folders = ((await guest.list([top])).get(top) ?? [])
    .filter((entry) => !isFile(entry))
    .slice(0, maxFolders)
    .map(({ name }) => name);
  const listing = await guest.list(folders.map((name) => `${top}/${name}`));
  const filesOf = (name: string) => (listing.get(`${top}/${name}`) ?? []).filter(isFile).map((entry) => entry.name);
  // FAT knows no case.
  const isOf = (names: readonly string[]) => (name: string) => names.includes(name.toLowerCase());
  const others = folders.filter((name) => name.toLowerCase() !== 'boot');
  const fallback = folders.some((name) => !others.includes(name) && filesOf(name).some(isOf(fallbackNames)));
  const unified = others
    .filter((name) => name.toLowerCase() === 'linux')
    .flatMap((name) => filesOf(name).map((file) => `${top}/${name}/${file}`))
    .filter((path) => /\.efi$/i.test(path));
  const wanted = others.flatMap((name) =>
    filesOf(name)
      .filter(isOf(loaderNames))
      .map((file) => `${top}/${name}/${file}`),
  );
  const read = fallback ? new Map<string, Buffer>() : await guest.read(wanted, maxBytes);
  return {
    at,
    fallback,
    unified,
    folders: others.map((name) => ({
      name,
      files: new Map(
        [...read].flatMap(([path, content]) =>
          path.startsWith(`${top}/${name}/`) ? [[path.slice(path.lastIndexOf('/') + 1).toLowerCase(), content]] : [],
        ),
      ),
    })),
  };
}

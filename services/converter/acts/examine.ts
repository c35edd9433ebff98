import { dirname } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { isFile, isLink } from '../adapters/entries.ts';
import { readEsp } from '../adapters/esp.ts';
import { entryAt, type Guest } from '../adapters/guest.ts';
import { findKernels, readKernels } from '../adapters/kernels.ts';
import { entriesIn, entryFolders, grubEntries, parseEntry } from '../domain/boot-entries.ts';
import { type Facts, textOf } from '../domain/facts.ts';
import { grubCustom, grubNames, grubSources } from '../domain/grub.ts';
import { ifupdownSources } from '../domain/network/ifupdown.ts';
import type { Nic } from '../domain/nic-names.ts';
import type { OsRelease } from '../domain/os-release.ts';
import { paths } from '../domain/paths.ts';
import { toolsFiles } from '../domain/rules/tools.ts';
import type { Disk } from '../domain/volumes.ts';
import type { Entry, GuestFs } from '../ports.ts';

interface Given {
  readonly os: OsRelease;
  readonly disks: readonly Disk[];
  readonly nics: readonly Nic[];
}

type Listing = ReadonlyMap<string, readonly Entry[]>;

const single: readonly string[] = [
  paths.fstab,
  paths.crypttab,
  paths.grubConfig,
  paths.grub2Config,
  paths.grub2Environment,
  ...grubCustom,
  paths.grubDefaults,
  paths.kernelCommandLine,
  paths.dracutOld,
  paths.modules,
  paths.resume,
  paths.dhcpcd,
  ...toolsFiles,
];
/** The guest's own settings, which conversion reads and writes: one that is a link would be taken for absent. */
const settings: readonly string[] = [
  paths.fstab,
  paths.crypttab,
  paths.grubDefaults,
  paths.kernelCommandLine,
  paths.modules,
  paths.resume,
];
/** Folders whose files tell of the network and the boot, and how those end. */
const folders: readonly [string, string][] = [
  [paths.ifupdown, 'interfaces'],
  [paths.networkd, ''],
  [paths.netplan, '.yaml'],
  [paths.networkManager, ''],
  [paths.ifcfgRedHat, ''],
  [paths.ifcfgSuse, ''],
  [paths.wicked, '.xml'],
  [paths.connman, '.config'],
  [paths.netctl, ''],
  [paths.cloudInit, '.cfg'],
  [paths.udevRules, '.rules'],
  [paths.leases, '.leases'],
  [paths.dracut, '.conf'],
  ...grubSources,
];
/** Folders in which the plan looks for names. */
const looked: readonly string[] = [
  '/',
  '/etc',
  '/etc/cloud',
  '/etc/udev',
  '/etc/init',
  '/etc/init.d',
  '/usr/sbin',
  '/usr/bin',
  '/usr/libexec',
  '/lib/systemd/network',
  '/lib/systemd/system',
  '/etc/systemd/system',
  paths.kernels,
  paths.kernelModules,
];
/** dpkg's are lists of all that is installed. */
const lists: readonly string[] = [paths.status, paths.triggers];
const maxListBytes = 16 * 1024 ** 2;
/** Nothing else of the guest's configuration is larger; no folder of it has more files. */
const maxBytes = 1024 ** 2;
const maxFiles = 1000;

/** Reads from the guest all that the plan is made from. Nothing is changed. */
export async function examine(guest: Guest<GuestFs>, given: Given, signal: AbortSignal): Promise<Omit<Facts, 'media'>> {
  const fat = guest.mounts.flatMap(({ at, volume }) => (volume.fileSystem?.kind === 'vfat' ? [at] : []));
  const boots = entryFolders(fat).map((folder): [string, string] => [folder, '.conf']);
  // All at once: each question to a file system takes a program's start.
  const listing = await guest.list([
    ...looked,
    ...[...folders, ...boots].map(([folder]) => folder),
    ...[...settings, ...single, ...lists].map((path) => dirname(path)),
  ]);
  const link = settings.find((path) => {
    const entry = entryAt(listing, path);
    return entry !== undefined && isLink(entry);
  });
  if (link)
    throw new TranshipError('guest.unsupported', `${link} in the guest is a link: put the file itself in its place`);
  const files = await guest.read(
    [
      ...single,
      ...[...folders, ...boots].flatMap(([folder, end]) => namesIn(listing, folder, (name) => name.endsWith(end))),
    ],
    maxBytes,
  );
  for (const [path, content] of await guest.read(lists, maxListBytes)) files.set(path, content);
  const interfaces = textOf({ files }, `${paths.ifupdown}/interfaces`) ?? '';
  for (const [path, content] of await drawnIn(guest, interfaces)) files.set(path, content);
  // In a guest where /lib is a link, a path below it lies in /usr.
  const merged = new Set((listing.get('/') ?? []).filter(isLink).map(({ name }) => name));
  const esp = await readEsp(guest);
  const grubs = (esp?.folders ?? []).flatMap(({ name }) => grubNames.map((file) => `${esp!.at}/EFI/${name}/${file}`));
  for (const [path, content] of await guest.read(grubs, maxBytes)) files.set(path, content);
  const entries = entriesIn({ files }).flatMap((each) => parseEntry(each) ?? []);
  // Many lines of GRUB start what is no longer there, or another system: of these only what was found counts.
  const byGrub = [paths.grubConfig, paths.grub2Config, ...grubCustom].flatMap((path) =>
    grubEntries({ path, text: textOf({ files }, path) ?? '' }),
  );
  const { found, started } = await findKernels(guest, listing, entries, byGrub);
  return {
    ...given,
    ...(esp ? { esp } : {}),
    files,
    kernels: await readKernels(guest, found, signal),
    started,
    // Listed by either of its names, where /lib is a link.
    has: (path) => [path, path.replace(/^\/usr(?=\/)/, '')].some((each) => entryAt(listing, each) !== undefined),
    place: (path) => (merged.has(/^\/(bin|sbin|lib|lib64)\//.exec(path)?.[1] ?? '') ? `/usr${path}` : path),
  };
}

const namesIn = (listing: Listing, folder: string, wanted: (name: string) => boolean): string[] =>
  (listing.get(folder) ?? [])
    .flatMap((entry) => (isFile(entry) && wanted(entry.name) ? [`${folder}/${entry.name}`] : []))
    .slice(0, maxFiles);

/** The files that ifupdown's main file draws in. */
async function drawnIn(guest: Guest<GuestFs>, interfaces: string): Promise<Map<string, Buffer>> {
  const sources = ifupdownSources(interfaces).slice(0, maxFiles);
  if (sources.length === 0) return new Map();
  const listing = await guest.list(sources.map(({ folder }) => folder));
  const files = sources.flatMap(({ folder, matches }) => namesIn(listing, folder, matches));
  return guest.read(files, maxBytes);
}

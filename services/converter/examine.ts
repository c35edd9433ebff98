import { type Entry, isFile, isLink } from './adapters/ext-fs.ts';
import { entryAt, type Guest } from './adapters/guest.ts';
import { readInitrd } from './adapters/initrd.ts';
import type { Package } from './domain/agent.ts';
import { indexes, type Kernel } from './domain/initramfs.ts';
import { neededModules } from './domain/modules.ts';
import { ifupdownSources } from './domain/network/ifupdown.ts';
import type { Nic } from './domain/nic-names.ts';
import { paths } from './domain/paths.ts';
import type { Facts } from './domain/plan.ts';
import type { Disk } from './domain/volumes.ts';

interface Given {
  readonly disks: readonly Disk[];
  readonly nics: readonly Nic[];
  readonly media: readonly Package[];
}

type Listing = ReadonlyMap<string, readonly Entry[]>;

const single: readonly string[] = [
  paths.fstab,
  paths.grubConfig,
  paths.grubDefaults,
  paths.modules,
  paths.resume,
  paths.status,
  paths.triggers,
];
/** Folders whose files tell of the network, and how those end. */
const networking: readonly [string, string][] = [
  [paths.ifupdown, 'interfaces'],
  [paths.networkd, ''],
  [paths.netplan, '.yaml'],
  [paths.networkManager, ''],
  [paths.udevRules, '.rules'],
  [paths.leases, '.leases'],
];
/** Folders in which the plan looks for names. */
const looked: readonly string[] = [
  '/',
  '/etc',
  '/usr/sbin',
  '/lib/systemd',
  '/lib/systemd/system',
  '/etc/systemd/system',
  paths.kernels,
  paths.kernelModules,
];
/** Nothing of the guest's configuration is larger. */
const maxBytes = 16 * 1024 ** 2;

/** Reads from the guest all that the plan is made from. Nothing is changed. */
export async function examine(guest: Guest, given: Given, signal: AbortSignal): Promise<Facts> {
  const listing = await guest.list([...looked, ...networking.map(([folder]) => folder)]);
  const files = await guest.readPlain(
    [...single, ...networking.flatMap(([folder, end]) => namesIn(listing, folder, (name) => name.endsWith(end)))],
    maxBytes,
  );
  const interfaces = files.get(`${paths.ifupdown}/interfaces`)?.toString('utf8') ?? '';
  for (const [path, content] of await drawnIn(guest, interfaces)) files.set(path, content);
  // In a guest where /lib is a link, a path below it lies in /usr.
  const merged = new Set((listing.get('/') ?? []).filter(isLink).map(({ name }) => name));
  return {
    ...given,
    files,
    kernels: await kernels(guest, listing, signal),
    // Listed by either of its names, where /lib is a link.
    has: (path) => [path, path.replace(/^\/usr(?=\/)/, '')].some((each) => entryAt(listing, each) !== undefined),
    place: (path) => (merged.has(/^\/(bin|sbin|lib|lib64)\//.exec(path)?.[1] ?? '') ? `/usr${path}` : path),
  };
}

const namesIn = (listing: Listing, folder: string, wanted: (name: string) => boolean): string[] =>
  (listing.get(folder) ?? []).flatMap((entry) =>
    isFile(entry) && wanted(entry.name) ? [`${folder}/${entry.name}`] : [],
  );

/** The files that ifupdown's main file draws in. */
async function drawnIn(guest: Guest, interfaces: string): Promise<Map<string, Buffer>> {
  const sources = ifupdownSources(interfaces);
  if (sources.length === 0) return new Map();
  const listing = await guest.list(sources.map(({ folder }) => folder));
  const files = sources.flatMap(({ folder, matches }) => namesIn(listing, folder, matches));
  return guest.readPlain(files, maxBytes);
}

/** The kernels with an initramfs in /boot and modules of their own. */
async function kernels(guest: Guest, listing: Listing, signal: AbortSignal): Promise<Kernel[]> {
  const versions = (listing.get(paths.kernelModules) ?? []).map(({ name }) => name);
  const found = versions.filter((version) => isPlain(entryAt(listing, initrdOf(version))));
  const below = (version: string, name: string) => `${paths.kernelModules}/${version}/${name}`;
  const lists = await guest.read(
    found.flatMap((version) => ['modules.builtin', ...indexes].map((name) => below(version, name))),
  );
  const text = (version: string, name: string) => lists.get(below(version, name))?.toString('utf8') ?? '';
  const kernels: Kernel[] = [];
  for (const version of found) {
    const needed = neededModules(text(version, 'modules.dep'), text(version, 'modules.builtin'));
    const initrd = initrdOf(version);
    const [held, drivers] = await Promise.all([
      guest.withCopies([initrd], (copies) => readInitrd(copies.get(initrd)!, signal)),
      guest.read(needed.files.map((file) => below(version, file))),
    ]);
    const files = [...lists, ...drivers].flatMap(([path, content]) =>
      path.startsWith(below(version, '')) ? [[path.slice(below(version, '').length), content] as const] : [],
    );
    kernels.push({ version, initrd, holds: held?.names, forced: held?.forced, needed, files: new Map(files) });
  }
  return kernels;
}

const initrdOf = (version: string) => `${paths.kernels}/initrd.img-${version}`;
const isPlain = (entry: Entry | undefined) => entry !== undefined && isFile(entry);

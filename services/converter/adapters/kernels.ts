import { posix } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { type BootEntry, initrdNames } from '../domain/boot-entries.ts';
import type { Started } from '../domain/facts.ts';
import { indexes, type Kernel, nameInside } from '../domain/initramfs.ts';
import { neededModules } from '../domain/modules.ts';
import { paths } from '../domain/paths.ts';
import type { Entry, GuestFs } from '../ports.ts';
import { type Found, followEntries } from './boot-entries.ts';
import { isFile } from './entries.ts';
import { entryAt, type Guest } from './guest.ts';
import { readInitrd } from './initrd.ts';
import { unpackModule } from './unpack.ts';

const maxKernels = 32;
const mib = 1024 ** 2;
/** An initramfs as it is packed; what is put into all of them together. */
const [maxInitrd, maxBytes] = [512 * mib, 128 * mib];

/** The kernels that have modules: with the initramfs of their name in /boot, and with those that boot loader entries start them with. */
export async function findKernels(
  guest: Guest<GuestFs>,
  listing: ReadonlyMap<string, readonly Entry[]>,
  entries: readonly BootEntry[],
  byGrub: readonly BootEntry[] = [],
): Promise<{ readonly found: readonly Found[]; readonly started: readonly Started[] }> {
  const isPlain = (path: string) => {
    const entry = entryAt(listing, path);
    return entry !== undefined && isFile(entry);
  };
  const versions = (listing.get(paths.kernelModules) ?? []).map(({ name }) => name);
  const byName = versions.flatMap((version) => {
    const initrd = initrdNames(version)
      .map((name) => `${paths.kernels}/${name}`)
      .find(isPlain);
    return initrd === undefined ? [] : [{ version, initrd }];
  });
  const { found, started } = await followEntries(guest, entries, versions);
  const others = byGrub.filter(
    ({ initrd }) => !byName.some((each) => posix.basename(each.initrd) === posix.basename(initrd)),
  );
  const more = others.length === 0 ? [] : (await followEntries(guest, others, versions)).found;
  const all = new Map([...byName, ...found, ...more].map((each) => [each.initrd, each]));
  return { found: [...all.values()], started };
}

/** What is in the initramfs of each kernel, and what it needs: by their files, not by what packages say. */
export async function readKernels(
  guest: Guest<GuestFs>,
  found: readonly Found[],
  signal: AbortSignal,
): Promise<Kernel[]> {
  const below = (version: string, name: string) => `${paths.kernelModules}/${version}/${name}`;
  const kernels: Kernel[] = [];
  let bytes = 0;
  for (const { version, initrd } of found.slice(0, maxKernels)) {
    const lists = await guest.read(['modules.builtin', ...indexes].map((name) => below(version, name)));
    const content = (name: string) => lists.get(below(version, name));
    const text = (name: string) => content(name)?.toString('utf8') ?? '';
    const needed = neededModules(text('modules.dep'), text('modules.builtin'));
    const [held, drivers] = await Promise.all([
      guest.withCopies(
        [initrd],
        (copies) => {
          const copy = copies.get(initrd);
          return copy === undefined ? undefined : readInitrd(copy, signal);
        },
        maxInitrd,
      ),
      guest.read(needed.files.map((file) => below(version, file))),
    ]);
    const files = new Map(indexes.flatMap((name) => (content(name) ? [[name as string, content(name)!]] : [])));
    for (const file of needed.files) {
      const packed = drivers.get(below(version, file));
      const name = nameInside(file, held?.names ?? []);
      const module = packed && (name === file ? packed : await unpackModule(packed, signal));
      if (module) files.set(name, module);
    }
    for (const each of files.values()) bytes += each.length;
    if (bytes > maxBytes)
      throw new TranshipError('guest.malformed', `its kernels need ${bytes} bytes of modules: more than any guest's`);
    const { names: holds, texts = new Map(), ...rest } = held ?? {};
    kernels.push({ version, initrd, holds, texts, ...rest, needed, files });
  }
  return kernels;
}

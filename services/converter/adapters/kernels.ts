import { indexes, type Kernel, nameInside } from '../domain/initramfs.ts';
import { neededModules } from '../domain/modules.ts';
import { paths } from '../domain/paths.ts';
import type { Entry, GuestFs } from '../ports.ts';
import { isFile } from './entries.ts';
import { entryAt, type Guest } from './guest.ts';
import { readInitrd } from './initrd.ts';
import { unpackModule } from './unpack.ts';

const maxKernels = 32;

/** What Debian, Red Hat and SUSE call the initramfs of a kernel. */
const namesOf = (version: string) =>
  [`initrd.img-${version}`, `initramfs-${version}.img`, `initrd-${version}`].map((name) => `${paths.kernels}/${name}`);

/** The kernels with an initramfs in /boot and modules of their own: by their files, not by what packages say. */
export async function readKernels(
  guest: Guest<GuestFs>,
  listing: ReadonlyMap<string, readonly Entry[]>,
  signal: AbortSignal,
): Promise<Kernel[]> {
  const isPlain = (path: string) => {
    const entry = entryAt(listing, path);
    return entry !== undefined && isFile(entry);
  };
  const found = (listing.get(paths.kernelModules) ?? [])
    .flatMap(({ name }) => {
      const initrd = namesOf(name).find(isPlain);
      return initrd === undefined ? [] : [{ version: name, initrd }];
    })
    .slice(0, maxKernels);
  const below = (version: string, name: string) => `${paths.kernelModules}/${version}/${name}`;
  const lists = await guest.read(
    found.flatMap(({ version }) => ['modules.builtin', ...indexes].map((name) => below(version, name))),
  );
  const kernels: Kernel[] = [];
  for (const { version, initrd } of found) {
    const content = (name: string) => lists.get(below(version, name));
    const text = (name: string) => content(name)?.toString('utf8') ?? '';
    const needed = neededModules(text('modules.dep'), text('modules.builtin'));
    const [held, drivers] = await Promise.all([
      guest.withCopies([initrd], (copies) => readInitrd(copies.get(initrd)!, signal)),
      guest.read(needed.files.map((file) => below(version, file))),
    ]);
    const files = new Map(indexes.flatMap((name) => (content(name) ? [[name as string, content(name)!]] : [])));
    for (const file of needed.files) {
      const packed = drivers.get(below(version, file));
      const name = nameInside(file, held?.names ?? []);
      const module = packed && (name === file ? packed : await unpackModule(packed, signal));
      if (module) files.set(name, module);
    }
    kernels.push({ version, initrd, holds: held?.names, forced: held?.forced, needed, files });
  }
  return kernels;
}

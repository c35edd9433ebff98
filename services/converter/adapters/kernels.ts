import { TranshipError } from '@tranship/contracts';
import { indexes, type Kernel, nameInside } from '../domain/initramfs.ts';
import { neededModules } from '../domain/modules.ts';
import { paths } from '../domain/paths.ts';
import type { Entry, GuestFs } from '../ports.ts';
import { isFile } from './entries.ts';
import { entryAt, type Guest } from './guest.ts';
import { readInitrd } from './initrd.ts';
import { unpackModule } from './unpack.ts';

const maxKernels = 32;
const mib = 1024 ** 2;
/** An initramfs as it is packed; what is put into all of them together. */
const [maxInitrd, maxBytes] = [512 * mib, 128 * mib];

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
  const kernels: Kernel[] = [];
  let bytes = 0;
  for (const { version, initrd } of found) {
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

import type { Package } from './agent.ts';
import type { Esp } from './esp.ts';
import type { Kernel } from './initramfs.ts';
import type { TextFile } from './network/mention.ts';
import type { Nic } from './nic-names.ts';
import type { OsRelease } from './os-release.ts';
import { decoded } from './text.ts';
import type { Disk } from './volumes.ts';

/**
 * What an entry starts. `known`: the initramfs of a kernel with modules; `rescue`: that of no kernel, which dracut makes with
 * drivers for any hardware; `foreign`: that of a kernel whose modules are not there; `lost`: its kernel is there, its
 * initramfs is not; `gone`: neither.
 */
export interface Started {
  readonly entry: string;
  readonly initrd: string;
  readonly state: 'known' | 'rescue' | 'foreign' | 'lost' | 'gone';
}

/** All that the plan is made from: read from the guest before anything is changed. */
export interface Facts {
  readonly os: OsRelease;
  /** None: what is planned for is a bare tree of files. */
  readonly disks: readonly Disk[];
  readonly nics: readonly Nic[];
  readonly kernels: readonly Kernel[];
  /** What boot loader entries start; absent: there are none. */
  readonly started?: readonly Started[];
  /** The files read, by path. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Whether something of any kind is at a path. */
  has(path: string): boolean;
  /** `/lib` and its like are links into `/usr`: where a package's path truly lies. */
  place(path: string): string;
  readonly media: readonly Package[];
  readonly esp?: Esp;
}

export function textOf({ files }: Pick<Facts, 'files'>, path: string): string | undefined {
  const content = files.get(path);
  return content && decoded(content);
}

/** The files read that lie below a folder, in the order of their paths. */
export const filesBelow = ({ files }: Pick<Facts, 'files'>, folder: string, suffix = ''): TextFile[] =>
  [...files]
    .flatMap(([path, content]) =>
      path.startsWith(`${folder}/`) && path.endsWith(suffix) ? [{ path, text: decoded(content) }] : [],
    )
    .sort((a, b) => (a.path < b.path ? -1 : 1));

import type { Facts } from './facts.ts';
import type { TextFile } from './network/mention.ts';
import { decoded } from './text.ts';

/** An entry of the boot loader specification that starts a kernel with an initramfs; paths are of the file system that it lies on. */
export interface BootEntry {
  readonly path: string;
  readonly version: string | undefined;
  readonly linux: string;
  /** The last of them: what is in it goes over what is in those before. */
  readonly initrd: string;
}

const folder = '/loader/entries';
const inFolder = /\/loader\/entries\/[^/]+\.conf$/;
/** Where entries lie in file systems that are mounted at these. */
export const entryFolders = (mounted: readonly string[]): string[] => [
  ...new Set(['/boot', '/efi', '/boot/efi', ...mounted].map((at) => `${at}${folder}`)),
];

export const isEntry = (path: string): boolean => inFolder.test(path);

export const entriesIn = ({ files }: Pick<Facts, 'files'>): TextFile[] =>
  [...files]
    .flatMap(([path, content]) => (isEntry(path) ? [{ path, text: decoded(content) }] : []))
    .sort((a, b) => (a.path < b.path ? -1 : 1));

/** Undefined: it starts no Linux, or one without an initramfs. */
export function parseEntry({ path, text }: TextFile): BootEntry | undefined {
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}[ \\t]+(.+)$`, 'gm'))]
      .flatMap(([, value]) => value!.trim().split(/\s+/))
      // What GRUB puts in is empty, or of other tools.
      .filter((word) => !word.startsWith('$') && !word.includes('\0'));
  const [linux] = values('linux');
  const initrd = values('initrd').at(-1);
  return linux && initrd ? { path, version: values('version')[0], linux, initrd } : undefined;
}

/** What the commands of a grub.cfg start: each `initrd` with the `linux` before it. Paths that hold variables are left out. */
export function grubEntries({ path, text }: TextFile): BootEntry[] {
  const found: BootEntry[] = [];
  let linux: string | undefined;
  for (const line of text.split('\n')) {
    const [command = '', ...words] = line.trim().split(/\s+/);
    const files = words.filter((word) => word.startsWith('/') && !/[$\0]/.test(word));
    if (/^linux(16|efi)?$/.test(command)) linux = files[0];
    const initrd = /^initrd(16|efi)?$/.test(command) ? files.at(-1) : undefined;
    if (linux !== undefined && initrd !== undefined) found.push({ path, version: undefined, linux, initrd });
  }
  return found;
}

/** What Debian, Red Hat and SUSE call the initramfs of a kernel. */
export const initrdNames = (version: string): string[] => [
  `initrd.img-${version}`,
  `initramfs-${version}.img`,
  `initrd-${version}`,
];

/** Of the versions that there are modules of, that of the kernel of an entry. */
export function versionOf({ version, linux, initrd }: BootEntry, versions: readonly string[]): string | undefined {
  const parts = new Set([linux, initrd].flatMap((path) => path.split('/')));
  return (
    versions.find((each) => each === version) ??
    versions.find((each) => [each, `vmlinuz-${each}`, ...initrdNames(each)].some((name) => parts.has(name)))
  );
}

export const isRescue = ({ initrd }: BootEntry): boolean => /[-/]0-rescue-/.test(initrd);

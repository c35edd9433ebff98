import { type Facts, textOf } from './facts.ts';
import { paths } from './paths.ts';

/** What GRUB starts things by: its own file, and what that draws in. */
export const isGrubConfig = (path: string): boolean => /\/(?:grub|custom)\.cfg$/.test(path);
/** What the guest's own tools make {@link isGrubConfig} from besides `/etc/default/grub`: folders, and how file names in them end. */
export const grubSources: readonly [folder: string, end: string][] = [
  ['/etc/grub.d', '_custom'],
  ['/etc/default/grub.d', '.cfg'],
];
/** A block of 1024 bytes with variables. */
export const isGrubEnvironment = (path: string): boolean => path.endsWith('/grubenv');

/** What GRUB reads in a folder of UEFI's partition, where Red Hat keeps it; a link in /boot leads there. */
export const grubNames = ['grub.cfg', 'grubenv'] as const;
const onEsp = /\/EFI\/[^/]+\/(?:grub\.cfg|grubenv)$/;
/** Debian's and others' on that partition only leads to the one in /boot. */
const starts = /^[ \t]*(?:linux(?:16|efi)?[ \t]|blscfg\b)/m;

export const grubCustom: readonly string[] = [paths.grubConfig, paths.grub2Config].map((path) =>
  path.replace(/grub\.cfg$/, 'custom.cfg'),
);

/** GRUB's own files that were found, but for those that start nothing themselves. */
export const grubFiles = (facts: Pick<Facts, 'files'>): string[] => [
  ...[paths.grubConfig, paths.grub2Config, ...grubCustom, paths.grub2Environment].filter((path) =>
    facts.files.has(path),
  ),
  ...[...facts.files.keys()]
    .filter((path) => onEsp.test(path) && (isGrubEnvironment(path) || starts.test(textOf(facts, path) ?? '')))
    .sort(),
];

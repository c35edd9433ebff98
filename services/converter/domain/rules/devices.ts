import { type Change, textFile } from '../changes.ts';
import {
  isUnsteady,
  parseFstab,
  renameInArguments,
  renameInCrypttab,
  renameInFstab,
  steadyName,
  steadyNames,
  volumeOf,
} from '../devices.ts';
import { type Facts, textOf } from '../facts.ts';
import { crypttabsInside, type Kernel } from '../initramfs.ts';
import { concern, type Part, refuse } from '../part.ts';
import { paths } from '../paths.ts';

/** A device's name that holds: as fstab's own entries were judged. */
export function nameIn(facts: Facts): (spec: string) => string | undefined {
  const fstab = parseFstab(textOf(facts, paths.fstab) ?? '');
  const { names: known, unknown } = steadyNames(fstab, facts.disks);
  return (spec) => {
    if (known.has(spec)) return known.get(spec);
    // With several disks, an order that fstab contradicts, or says nothing of, is no order to build on.
    if (facts.disks.length > 1 && (unknown.length > 0 || !fstab.some((entry) => isUnsteady(entry.spec))))
      return undefined;
    const volume = volumeOf(spec, facts.disks);
    return volume && steadyName(volume, facts.disks);
  };
}

/** Names of disks that change with the hardware, in fstab, crypttab and for resuming. */
export function devicesRule(facts: Facts): Part {
  const fstab = textOf(facts, paths.fstab) ?? '';
  const { names: known, unknown } = steadyNames(parseFstab(fstab), facts.disks);
  const vital = unknown.filter(({ options }) => !options.includes('nofail') && !options.includes('noauto'));
  const left = unknown.filter((entry) => !vital.includes(entry));
  const changes: Change[] = [];
  const change = (path: string, before: string, after: string) => {
    if (after !== before) changes.push(textFile(path, after));
  };
  change(paths.fstab, fstab, renameInFstab(fstab, known));
  const crypttab = textOf(facts, paths.crypttab) ?? '';
  const tabled = renameInCrypttab(crypttab, nameIn(facts));
  change(paths.crypttab, crypttab, tabled);
  const resume = textOf(facts, paths.resume) ?? '';
  change(paths.resume, resume, steadyResume(facts) ?? resume);
  const uncertain = tabled.split('\n').filter((line) => isUnsteady(line.trim().split(/\s+/)[1] ?? ''));
  const refusals = [
    ...vital.map(({ spec, mountPoint }) => ({ path: paths.fstab, named: `${spec} (${mountPoint})` })),
    ...uncertain.map((line) => ({ path: paths.crypttab, named: line.trim() })),
  ].map(({ path, named }) =>
    refuse('guest.device-unsupported', `${path} names a device that cannot be told on KVM: ${named}`, path),
  );
  const concerns = left.map(({ spec, mountPoint }) =>
    concern(
      'guest.device-left',
      `${spec} (${mountPoint}) in ${paths.fstab} was left: it may not be found`,
      paths.fstab,
    ),
  );
  return { changes, refusals, concerns };
}

/** The text of initramfs-tools' own word on resuming, when it must change. */
export function steadyResume(facts: Facts): string | undefined {
  const before = textOf(facts, paths.resume);
  if (before === undefined) return undefined;
  const after = renameInArguments(before, nameIn(facts)).text;
  return after === before ? undefined : after;
}

/** The crypttabs inside an initramfs, by their paths there, that must change: as the guest's own does. */
export const steadyCrypttabs = (facts: Facts, { texts }: Pick<Kernel, 'texts'>): [string, string][] =>
  crypttabsInside.flatMap((path): [string, string][] => {
    const before = texts.get(path) ?? '';
    const after = renameInCrypttab(before, nameIn(facts));
    return after === before ? [] : [[path, after]];
  });

/** Every unsteady device in the files that name devices, for people. */
export function fragileDevices(facts: Facts): { file: string; device: string }[] {
  const found = parseFstab(textOf(facts, paths.fstab) ?? '')
    .filter(({ spec }) => isUnsteady(spec))
    .map(({ spec }) => ({ file: paths.fstab, device: spec }));
  const others = [...facts.files].flatMap(([file, content]) =>
    file === paths.crypttab || file === paths.resume || /grub|loader|cmdline/.test(file)
      ? [...content.toString('utf8').matchAll(/(?<=[\s="'])\/dev\/[^\s"']+/g)]
          .map(([device]) => ({ file, device }))
          .filter(({ device }) => isUnsteady(device))
      : [],
  );
  const seen = new Set<string>();
  return [...found, ...others].filter(
    ({ file, device }) => !seen.has(`${file} ${device}`) && seen.add(`${file} ${device}`),
  );
}

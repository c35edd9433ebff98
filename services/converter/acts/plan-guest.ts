import { join } from 'node:path';
import type { StepInput } from '@tranship/contracts';
import type { Image, Probe } from '../adapters/disks.ts';
import type { Guest } from '../adapters/guest.ts';
import { readPackages } from '../adapters/packages.ts';
import { describeGuest, type FoundGuest } from '../domain/describe.ts';
import { makerOf } from '../domain/initramfs.ts';
import { parseOsRelease } from '../domain/os-release.ts';
import { type Refusal, refuse, type Whole } from '../domain/part.ts';
import { planChanges, planNetwork } from '../domain/plan.ts';
import { keptAddresses } from '../domain/rules/network.ts';
import type { Root, Verdict, WindowsRoot } from '../domain/survey.ts';
import { isDirty, placeOf } from '../domain/volumes.ts';
import { describeWindows } from '../domain/windows/describe.ts';
import { winPaths } from '../domain/windows/facts.ts';
import { planWindows } from '../domain/windows/plan.ts';
import type { OpenVolume } from '../ports.ts';
import { applianceOf, type Reach } from './engines.ts';
import { examine } from './examine.ts';
import { examineWindows } from './examine-windows.ts';
import { openGuest, openWindows } from './find.ts';

export interface Work extends Reach {
  readonly images: readonly Image[];
  readonly nics: StepInput<'convert'>['nics'];
  readonly mediaDir: string;
}

/** A guest that was opened and looked through, and what is to be done to it. */
export interface Planned {
  readonly guest: Guest;
  readonly found: FoundGuest;
  /** Who made its initramfs. */
  readonly makers: readonly string[];
  readonly plan: Whole;
  /** By MAC: the addresses that the guest's files give it, and vSphere saw. */
  readonly kept: ReadonlyMap<string, readonly string[]>;
  /** What is so while a guest runs, and stands in the way of one that is off. */
  readonly unclean: readonly Refusal[];
}

/** Opens the guest whose root was found, and plans. Throws what stands in the way of opening it. */
export const planGuest = (
  work: Work,
  probe: Probe,
  verdict: Extract<Verdict, { kind: 'root' | 'windows' }>,
  open: OpenVolume,
): Promise<Planned> =>
  verdict.kind === 'root' ? planLinux(work, probe, verdict.root, open) : planOfWindows(work, probe, verdict.root, open);

async function planLinux(work: Work, probe: Probe, root: Root, open: OpenVolume): Promise<Planned> {
  const { scratch, signal, nics } = work;
  const os = parseOsRelease(root.osRelease);
  const media = readPackages(join(work.mediaDir, 'debian'), scratch, signal);
  // They are unpacked below `scratch`, which may go when we fail.
  const unpacked = media.catch(() => {});
  const looked = async () => {
    const guest = await openGuest(root, probe, open);
    return { guest, examined: await examine(guest, { os, disks: probe.disks, nics }, signal) };
  };
  const { guest, examined } = await looked().finally(() => unpacked);
  const facts = { ...examined, media: await media };
  const plan = (applianceOf(guest)?.byV2v ? planNetwork : planChanges)(facts);
  return {
    guest,
    found: describeGuest(facts),
    makers: [...new Set(facts.kernels.map(makerOf))],
    plan,
    kept: keptAddresses(facts, plan.nics),
    unclean: uncleanMounts(guest),
  };
}

async function planOfWindows(work: Work, probe: Probe, root: WindowsRoot, open: OpenVolume): Promise<Planned> {
  const guest = openWindows(root, probe, open);
  return examineWindows(guest, { ...work, windows: root.windows }, (facts) => ({
    guest,
    found: describeWindows(facts),
    makers: [],
    plan: planWindows(facts),
    kept: new Map(),
    unclean: [
      ...uncleanMounts(guest),
      ...(facts.system.clean && facts.software.clean
        ? []
        : [
            refuse(
              'guest.dirty',
              'its registry was not written to the end: part of it lies in its logs',
              winPaths.system,
            ),
          ]),
    ],
  }));
}

/** File systems that were not unmounted in order: their own system must see to them first. */
const uncleanMounts = ({ mounts }: Guest): Refusal[] =>
  mounts.flatMap(({ at, volume }) => {
    if (volume.fileSystem?.unclean === 'hibernated')
      return [refuse('guest.hibernated', `${placeOf(volume)} (NTFS) holds a hibernated Windows`)];
    if (volume.fileSystem?.unclean === 'dirty')
      return [refuse('guest.dirty', `${placeOf(volume)} (NTFS) is in use, or asks to be checked`)];
    return isDirty(volume)
      ? [refuse('guest.dirty', `the file system ${at} of the guest is in use, or was not unmounted in order`)]
      : [];
  });

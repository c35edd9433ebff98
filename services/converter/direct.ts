import { join } from 'node:path';
import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { checkRoom, verifyTargets, writeTargets } from './adapters/commit.ts';
import { type Image, imageOf, type Probe } from './adapters/disks.ts';
import { type Edit, prepareEdit } from './adapters/edit.ts';
import type { Guest } from './adapters/guest.ts';
import type { Journal } from './adapters/journal.ts';
import { MountFs } from './adapters/mount-fs.ts';
import { readPackages } from './adapters/packages.ts';
import type { Config } from './config.ts';
import { fit } from './domain/changes.ts';
import type { Facts } from './domain/facts.ts';
import { makerOf } from './domain/initramfs.ts';
import { parseOsRelease } from './domain/os-release.ts';
import { errorOf, fitConcerns, type Whole } from './domain/part.ts';
import { planChanges } from './domain/plan.ts';
import type { Root } from './domain/survey.ts';
import type { Volume } from './domain/volumes.ts';
import { examine } from './examine.ts';
import { findRoot, type OpenVolume, openGuest, type Reach } from './find.ts';

export type Outcome = Omit<StepResult<'convert'>, 'seconds'>;

export interface Work extends Reach {
  readonly images: readonly Image[];
  readonly nics: StepInput<'convert'>['nics'];
  readonly mediaDir: string;
}

/** A guest that was opened and looked through, and what is to be done to it. */
export interface Planned {
  readonly guest: Guest;
  readonly facts: Facts;
  readonly plan: Whole;
}

/** Converted: what was done, and the edit that does it; the disks are untouched until {@link carryOut}. */
export interface Ready {
  readonly outcome: Outcome;
  readonly guest: Guest;
  readonly edit: Edit;
}

export const workOf = (
  folders: Pick<Config, 'disksDir' | 'devicesDir' | 'mediaDir' | 'mountEngine'>,
  { disks, nics }: Pick<StepInput<'convert'>, 'disks' | 'nics'>,
  signal: AbortSignal,
): Omit<Work, 'scratch'> => ({
  images: disks.map((disk) => imageOf(disk, folders)),
  nics,
  mediaDir: folders.mediaDir,
  mountEngine: folders.mountEngine,
  signal,
});

/** Opens the guest whose root was found, and plans. Throws what stands in the way of opening it. */
export async function planGuest(work: Work, probe: Probe, root: Root, open: OpenVolume): Promise<Planned> {
  const { scratch, signal, nics } = work;
  const guest = await openGuest(root.volume, probe, open);
  const media = await readPackages(join(work.mediaDir, 'debian'), scratch, signal);
  const os = parseOsRelease(root.osRelease);
  const facts = await examine(guest, { os, disks: probe.disks, nics, media }, signal);
  return { guest, facts, plan: planChanges(facts) };
}

/** Looks what there is to convert and makes all of it ready. Throws `guest.…-unsupported`, `guest.dirty`, `guest.no-space`. */
export async function makeReady(work: Work, probe: Probe, open: OpenVolume): Promise<Ready | Outcome> {
  const verdict = await findRoot(probe, open);
  if (verdict.kind === 'none') return untouched(verdict.reason);
  if (verdict.kind === 'unsupported') throw errorOf(verdict.refusal);
  const planned = await planGuest(work, probe, verdict.root, open);
  refuseUnplanned(planned);
  refuseDirty(planned.guest);
  return readyOf(work, planned);
}

export function refuseUnplanned({ plan }: Planned): void {
  const [refusal] = plan.refusals;
  if (refusal) throw errorOf(refusal);
}

/** Makes ready what is planned and not refused. Throws `guest.no-space`. */
export async function readyOf(work: Pick<Work, 'scratch'>, { guest, facts, plan }: Planned): Promise<Ready> {
  const edit = await prepareEdit(guest, plan.changes, work.scratch);
  checkRoom(guest, edit.targets);
  const engine = engineOf(guest);
  const outcome: Outcome = {
    engine,
    reason: [
      facts.os.name,
      ...(engine === 'mount' ? [mountReason(guest)] : []),
      ...new Set(facts.kernels.map(makerOf)),
      ...fitConcerns(plan.concerns).map(({ why }) => why),
    ].join('; '),
    os: facts.os.name,
    changes: fit(edit.told),
    nics: plan.nics.map(({ mac, name, addresses }) => ({ mac, name, addresses })),
    roots: [],
  };
  return { outcome, guest, edit };
}

/** Which engine reaches a guest's files. */
export const engineOf = ({ mounts }: Guest): 'direct' | 'mount' =>
  mounts.some(({ fs }) => fs instanceof MountFs) ? 'mount' : 'direct';

const mountReason = ({ mounts }: Guest) =>
  `mounted by the node's kernel: ${mounts.flatMap(({ at, fs, volume }) => (fs instanceof MountFs ? [`${at} (${volume.fileSystem?.kind})`] : [])).join(', ')}`;

/** The disks stay as they are. */
export const untouched = (reason: string): Outcome => ({
  engine: 'none',
  reason,
  os: '',
  changes: [],
  nics: [],
  roots: [],
});

/** Writes what was made ready, and proves it. When anything fails the disks are put back. */
export async function carryOut(
  { guest, edit: { targets } }: Ready,
  journal: Journal,
  images: readonly Image[],
): Promise<void> {
  journal.begin([...new Set(targets.map(({ path }) => guest.locate(path).mount.volume.disk))]);
  try {
    await writeTargets(guest, targets, (disk) => journal.log(disk, images.find(({ index }) => index === disk)!.path));
    journal.seal();
    await verifyTargets(guest, targets);
  } catch (error) {
    journal.rollBack();
    throw error;
  }
}

/** File systems that were not unmounted in order: their own tools must see to them first. */
export const dirtyMounts = ({ mounts }: Guest): string[] =>
  mounts.flatMap(({ at, volume }) => (isDirty(volume) ? [at] : []));

export function isDirty({ fileSystem }: Volume): boolean {
  const ext = fileSystem?.ext;
  return ext !== undefined && (ext.needsRecovery || !ext.clean);
}

function refuseDirty(guest: Guest): void {
  const [at] = dirtyMounts(guest);
  if (at !== undefined)
    throw new TranshipError('guest.dirty', `the file system ${at} of the guest was not unmounted in order`);
}

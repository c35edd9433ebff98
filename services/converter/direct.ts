import type { StepInput, StepResult } from '@tranship/contracts';
import { checkRoom, verifyTargets, writeTargets } from './adapters/commit.ts';
import { type Image, imageOf, type Probe } from './adapters/disks.ts';
import { type Edit, prepareEdit } from './adapters/edit.ts';
import type { Guest } from './adapters/guest.ts';
import type { Journal } from './adapters/journal.ts';
import { MountFs } from './adapters/mount-fs.ts';
import type { Config } from './config.ts';
import { fit } from './domain/changes.ts';
import { errorOf } from './domain/part.ts';
import { findRoot, type OpenVolume } from './find.ts';
import { planGuest, type Work } from './plan-guest.ts';

export type Outcome = Omit<StepResult<'convert'>, 'seconds'>;

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

/** Looks what there is to convert and makes all of it ready. Throws `guest.…-unsupported`, `guest.dirty`, `guest.hibernated`, `guest.no-space`. */
export async function makeReady(work: Work, probe: Probe, open: OpenVolume): Promise<Ready | Outcome> {
  const verdict = await findRoot(probe, open);
  if (verdict.kind === 'none') return untouched(verdict.reason);
  if (verdict.kind === 'unsupported') throw errorOf(verdict.refusal);
  const { guest, found, makers, plan, unclean } = await planGuest(work, probe, verdict, open);
  const [refusal] = [...plan.refusals, ...unclean];
  if (refusal) throw errorOf(refusal);
  const edit = await prepareEdit(guest, plan.changes, work);
  checkRoom(guest, edit.targets);
  const engine = engineOf(guest);
  const outcome: Outcome = {
    engine,
    reason: [
      found.os.name,
      ...(engine === 'mount' ? [mountReason(guest)] : []),
      ...makers,
      ...plan.concerns.map(({ why }) => why),
    ].join('; '),
    os: found.os.name,
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

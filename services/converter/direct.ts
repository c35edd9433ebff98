import { join } from 'node:path';
import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { checkRoom, verifyTargets, writeTargets } from './adapters/commit.ts';
import { probeDisk } from './adapters/disks.ts';
import { type Edit, prepareEdit } from './adapters/edit.ts';
import type { Guest } from './adapters/guest.ts';
import type { Journal } from './adapters/journal.ts';
import { readPackages } from './adapters/packages.ts';
import type { Config } from './config.ts';
import { fit } from './domain/changes.ts';
import { isDebianLike, parseOsRelease } from './domain/os-release.ts';
import { planChanges } from './domain/plan.ts';
import { examine } from './examine.ts';
import { findRoot, openGuest, volumeOpener } from './find.ts';

export type Outcome = Omit<StepResult<'convert'>, 'seconds'>;

interface Work {
  readonly folders: Pick<Config, 'disksDir' | 'devicesDir' | 'mediaDir'>;
  /** Holds what is needed for this run alone. */
  readonly scratch: string;
  readonly input: StepInput<'convert'>;
  readonly signal: AbortSignal;
}

/** Converted: what was done, and the edit that does it; the disks are untouched until {@link carryOut}. */
export interface Ready {
  readonly outcome: Outcome;
  readonly guest: Guest;
  readonly edit: Edit;
}

/** Looks what there is to convert and makes all of it ready. Throws `guest.unsupported`, `guest.dirty`, `guest.no-space`. */
export async function makeReady({ folders, input, scratch, signal }: Work): Promise<Ready | Outcome> {
  const disks = input.disks.map((disk) => probeDisk(disk, folders)).sort((a, b) => a.index - b.index);
  const open = volumeOpener(disks, scratch, signal);
  const verdict = await findRoot(disks, open);
  if (verdict.kind === 'none') return untouched(verdict.reason);
  if (verdict.kind === 'unsupported') throw new TranshipError('guest.unsupported', verdict.reason);
  const os = parseOsRelease(verdict.root.osRelease);
  if (!isDebianLike(os))
    throw new TranshipError(
      'guest.unsupported',
      `${os.name}: Debian, Ubuntu and their like are converted, others not yet`,
    );
  const guest = await openGuest(verdict.root.volume, disks, open);
  refuseDirty(guest);
  const media = await readPackages(join(folders.mediaDir, 'debian'), scratch, signal);
  const plan = planChanges(await examine(guest, { disks, nics: input.nics, media }, signal));
  const edit = await prepareEdit(guest, plan.changes, scratch);
  checkRoom(guest, edit.targets);
  const outcome: Outcome = {
    engine: 'direct',
    reason: [`${os.name}, initramfs-tools`, ...plan.notes].join('; '),
    os: os.name,
    changes: fit(edit.told),
    nics: plan.nics.map(({ mac, name, addresses }) => ({ mac, name, addresses })),
  };
  return { outcome, guest, edit };
}

/** The disks stay as they are. */
export const untouched = (reason: string): Outcome => ({ engine: 'none', reason, os: '', changes: [], nics: [] });

/** Writes what was made ready, and proves it. When anything fails the disks are put back. */
export async function carryOut({ guest, edit: { targets } }: Ready, journal: Journal): Promise<void> {
  journal.begin([...new Set(targets.map(({ path }) => guest.locate(path).mount.volume.disk))]);
  try {
    await writeTargets(guest, targets, journal);
    journal.seal();
    await verifyTargets(guest, targets);
  } catch (error) {
    journal.rollBack();
    throw error;
  }
}

function refuseDirty({ mounts }: Guest): void {
  for (const { at, volume } of mounts) {
    const { needsRecovery, clean } = volume.fileSystem!.ext!;
    if (needsRecovery || !clean)
      throw new TranshipError('guest.dirty', `the file system ${at} of the guest was not unmounted in order`);
  }
}

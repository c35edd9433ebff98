import { join } from 'node:path';
import { type StepInput, TranshipError } from '@tranship/contracts';
import { verifyTargets, writeTargets } from './adapters/commit.ts';
import { CopiedVolumes } from './adapters/copied-volumes.ts';
import { type Probe, probeDisks } from './adapters/disks.ts';
import { ExtFs } from './adapters/ext-fs.ts';
import { hasKeys } from './adapters/luks-keys.ts';
import { writeOverlay } from './adapters/overlay.ts';
import { readyOf, refuseUnplanned } from './direct.ts';
import { errorOf } from './domain/part.ts';
import { findRoot } from './find.ts';
import { planGuest, type Work } from './plan-guest.ts';

/** A conversion that was written beside the disks. */
export interface Apart {
  readonly engine: 'direct' | 'none';
  readonly os: string;
  /** Files that were changed. */
  readonly files: number;
  /** qcow2 files over the disks, by their index. */
  readonly overlays: ReadonlyMap<number, string>;
  /** By MAC: the addresses that the guest's files give it, and vSphere saw. */
  readonly kept: ReadonlyMap<string, readonly string[]>;
}

/**
 * Converts a guest into overlays in the folder `scratch`; the disks are read only, and those of a guest that runs will do.
 * Throws `guest.…-unsupported`, `guest.no-space`, `rehearsal.unsupported`.
 */
export async function convertApart(work: Work, mode: StepInput<'rehearse'>['mode']): Promise<Apart> {
  const probe = probeDisks(work.images);
  const volumes = new CopiedVolumes(probe, work.scratch, work.signal);
  try {
    const done = mode === 'none' ? nothing : await changed(work, probe, volumes);
    const overlays = new Map<number, string>();
    for (const { index, path } of work.images) {
      const overlay = join(work.scratch, `disk-${index}.qcow2`);
      await writeOverlay({ base: path, parts: await volumes.changed(index), overlay }, work.scratch, work.signal);
      overlays.set(index, overlay);
    }
    return { ...done, overlays };
  } finally {
    await volumes.close();
  }
}

const nothing = { engine: 'none', os: '', files: 0, kept: new Map() } as const;

async function changed(work: Work, probe: Probe, volumes: CopiedVolumes): Promise<Omit<Apart, 'overlays'>> {
  const { disks } = probe;
  // Looked for where it lies: of what holds no system nothing is copied.
  const verdict = await findRoot(probe, ({ disk, offset, length, fileSystem }) =>
    fileSystem?.kind === 'ext'
      ? new ExtFs({ path: disks.find(({ index }) => index === disk)!.path, offset, length }, work.scratch, work.signal)
      : undefined,
  );
  if (verdict.kind === 'none') return nothing;
  if (verdict.kind === 'unsupported') {
    const { code, detail } = verdict.refusal;
    if (work.mountEngine)
      throw new TranshipError('rehearsal.unsupported', `${detail}: the mount engine writes to disks alone`);
    if (code === 'guest.luks-unsupported' && hasKeys(work.luksKeysDir))
      throw new TranshipError(
        'rehearsal.unsupported',
        `${detail}: nobody would answer where the guest asks for its key`,
      );
    throw errorOf(verdict.refusal);
  }
  if (verdict.kind === 'windows')
    throw new TranshipError('rehearsal.unsupported', `${verdict.root.windows.name}: NTFS is written to disks alone`);
  const planned = await planGuest(work, probe, verdict, (volume) => volumes.open(volume));
  refuseUnplanned(planned);
  const { guest, edit, outcome } = await readyOf(work, planned);
  let logs = 0;
  await writeTargets(guest, edit.targets, () => join(work.scratch, `undo-${logs++}`));
  await verifyTargets(guest, edit.targets);
  return {
    engine: 'direct',
    os: outcome.os,
    files: edit.told.length,
    kept: planned.kept,
  };
}

import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type StepInput, TranshipError } from '@tranship/contracts';
import type { Appliance } from '../adapters/appliance/appliance.ts';
import { verifyTargets, writeTargets } from '../adapters/commit.ts';
import { CopiedVolumes } from '../adapters/copied-volumes.ts';
import { DiskExt } from '../adapters/disk-ext.ts';
import { type Probe, probeDisks } from '../adapters/disks.ts';
import { hasKeys } from '../adapters/luks-keys.ts';
import { writeOverlay } from '../adapters/overlay.ts';
import { errorOf } from '../domain/part.ts';
import type { OpenVolume } from '../ports.ts';
import { readyOf, refuseUnplanned } from './direct.ts';
import { applianceOf, engineOf, withOpener } from './engines.ts';
import { findRoot } from './find.ts';
import { planGuest, type Work } from './plan-guest.ts';

/** A conversion that was written beside the disks. */
export interface Apart {
  readonly engine: ReturnType<typeof engineOf>['engine'] | 'none';
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
 * What has ext and FAT alone is changed in copies of their books and its files, the rest through the appliance.
 * Throws `guest.…-unsupported`, `guest.no-space`, `rehearsal.unsupported`.
 */
export async function convertApart(work: Work, mode: StepInput<'rehearse'>['mode']): Promise<Apart> {
  const probe = probeDisks(work.images);
  const trial = new Trial(work);
  if (mode === 'none') return { ...nothing, overlays: await trial.overlays() };
  const inCopies = async () => {
    const volumes = new CopiedVolumes(probe, work.scratch, work.signal);
    try {
      return await trial.run(probe, lookOf(work, probe), (volume) => volumes.open(volume), volumes);
    } finally {
      await volumes.close();
    }
  };
  try {
    // Nobody would answer where the guest asks for a key.
    const reach = { ...work, withoutKeys: true };
    return await withOpener(probe, reach, (open, found) => trial.run(found, open, open), undefined, inCopies);
  } catch (error) {
    throw unsupported(work, error);
  }
}

const nothing: Omit<Apart, 'overlays'> = { engine: 'none', os: '', files: 0, kept: new Map() };

/** Opens a file system where it lies: of what holds no system nothing is copied. */
const lookOf =
  ({ scratch, signal }: Work, { disks }: Probe): OpenVolume =>
  ({ disk, offset, length, fileSystem }) =>
    fileSystem?.kind === 'ext'
      ? new DiskExt({ path: disks.find(({ index }) => index === disk)!.path, offset, length }, scratch, signal)
      : undefined;

class Trial {
  readonly #work: Work;

  constructor(work: Work) {
    this.#work = work;
  }

  /** `look`: opens what is looked through for a system, `open`: what is changed, in `volumes` where it is copied. */
  async run(probe: Probe, look: OpenVolume, open: OpenVolume, volumes?: CopiedVolumes): Promise<Apart> {
    const work = this.#work;
    const verdict = await findRoot(probe, look);
    if (verdict.kind === 'none') return { ...nothing, overlays: await this.overlays() };
    if (verdict.kind === 'unsupported') throw errorOf(verdict.refusal);
    if (verdict.kind === 'windows')
      throw new TranshipError('rehearsal.unsupported', `${verdict.root.windows.name}: NTFS is written to disks alone`);
    const planned = await planGuest(work, probe, verdict, open);
    refuseUnplanned(planned);
    const { edit, outcome } = await readyOf(work, planned);
    const { guest, kept } = planned;
    try {
      let logs = 0;
      await writeTargets(guest, edit.targets, () => join(work.scratch, `undo-${logs++}`));
      await verifyTargets(guest, edit.targets);
    } finally {
      rmSync(edit.folder, { recursive: true, force: true });
    }
    const appliance = applianceOf(guest);
    return {
      ...{ engine: engineOf(guest).engine, os: outcome.os, files: edit.told.length, kept },
      overlays: appliance ? await this.#layersOf(appliance) : await this.overlays(volumes),
    };
  }

  /** Over each disk, with what was changed in copies of its volumes. */
  async overlays(volumes?: CopiedVolumes): Promise<Apart['overlays']> {
    const { images, scratch, signal } = this.#work;
    const overlays = new Map<number, string>();
    for (const { index, path } of images) {
      const overlay = this.#overlay(index);
      const parts = (await volumes?.changed(index)) ?? [];
      await writeOverlay({ base: path, parts, overlay }, scratch, signal);
      overlays.set(index, overlay);
    }
    return overlays;
  }

  /** They outlive the appliance that made them. */
  async #layersOf(appliance: Appliance): Promise<Apart['overlays']> {
    await appliance.settle();
    for (const { disk, file } of appliance.layers) renameSync(file, this.#overlay(disk));
    return new Map(appliance.layers.map(({ disk }) => [disk, this.#overlay(disk)]));
  }

  #overlay(disk: number): string {
    return join(this.#work.scratch, `disk-${disk}.qcow2`);
  }
}

/** What could be converted, and not apart. */
function unsupported({ mountEngine, luksKeysDir }: Work, error: unknown): unknown {
  if (!(error instanceof TranshipError)) return error;
  const { code, detail } = error;
  if (code === 'guest.luks-unsupported' && hasKeys(luksKeysDir))
    return new TranshipError(
      'rehearsal.unsupported',
      `${detail}: nobody would answer where the guest asks for its key`,
    );
  if (mountEngine && mountable.has(code))
    return new TranshipError(
      'rehearsal.unsupported',
      `${detail}: the mount engine writes to disks alone, the appliance beside them`,
    );
  return error;
}

const mountable: ReadonlySet<string> = new Set(['guest.xfs-unsupported', 'guest.btrfs-unsupported']);

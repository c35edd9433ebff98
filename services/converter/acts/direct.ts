import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { Appliance } from '../adapters/appliance/appliance.ts';
import { bytesOf, checkHostRoom, checkRoom, checkWritable, verifyTargets, writeTargets } from '../adapters/commit.ts';
import { type Image, imageOf, type Probe } from '../adapters/disks.ts';
import { type Edit, prepareEdit } from '../adapters/edit.ts';
import type { Journal } from '../adapters/journal.ts';
import { commitLayer, differences } from '../adapters/layer.ts';
import { isFull } from '../adapters/run.ts';
import type { Config } from '../config.ts';
import { fit } from '../domain/changes.ts';
import { errorOf, fitConcerns } from '../domain/part.ts';
import type { OpenVolume } from '../ports.ts';
import { applianceOf, engineOf, madeBefore } from './engines.ts';
import { findRoot } from './find.ts';
import { type Planned, planGuest, type Work } from './plan-guest.ts';

export type Outcome = Omit<StepResult<'convert'>, 'seconds'>;

/** Converted: what was done, and the edit that does it; the disks are untouched until {@link carryOut}. */
export interface Ready {
  readonly outcome: Outcome;
  readonly planned: Planned;
  readonly edit: Edit;
  readonly tell?: Work['tell'] | undefined;
}

/** Whether there is something to carry out: virt-v2v has changed the layers already. */
export const isIdle = ({ planned, edit }: Ready): boolean =>
  edit.targets.length === 0 && !applianceOf(planned.guest)?.byV2v;

export const workOf = (
  folders: Pick<Config, 'disksDir' | 'devicesDir' | 'mediaDir'> &
    Partial<Pick<Config, 'applianceEngine' | 'luksKeysDir'>>,
  { disks, nics }: Pick<StepInput<'convert'>, 'disks' | 'nics'>,
  signal: AbortSignal,
): Omit<Work, 'scratch'> => ({
  images: disks.map((disk) => imageOf(disk, folders)),
  nics,
  mediaDir: folders.mediaDir,
  applianceEngine: folders.applianceEngine ?? false,
  luksKeysDir: folders.luksKeysDir,
  signal,
});

/** Looks what there is to convert and makes all of it ready. Throws `guest.…-unsupported`, `guest.dirty`, `guest.hibernated`, `guest.no-space`. */
export async function makeReady(work: Work, probe: Probe, open: OpenVolume): Promise<Ready | Outcome> {
  const verdict = await findRoot(probe, open);
  if (verdict.kind === 'none') return untouched(verdict.reason);
  if (verdict.kind === 'unsupported') throw errorOf(verdict.refusal);
  const planned = await planGuest(work, probe, verdict, open);
  refuseUnplanned(planned);
  // The appliance's kernel has replayed the journals.
  const [unclean] = applianceOf(planned.guest) ? [] : planned.unclean;
  if (unclean) throw errorOf(unclean);
  return readyOf(work, planned);
}

export function refuseUnplanned({ plan }: Pick<Planned, 'plan'>): void {
  const [refusal] = plan.refusals;
  if (refusal) throw errorOf(refusal);
}

/** Makes ready what is planned and not refused. Throws `guest.no-space`, `guest.ext-unsupported`. */
export async function readyOf(work: Pick<Work, 'scratch' | 'signal' | 'tell'>, planned: Planned): Promise<Ready> {
  const { guest, found, makers, plan } = planned;
  const edit = await prepareEdit(guest, plan.changes, work);
  checkRoom(guest, edit.targets);
  await checkWritable(guest, edit.targets);
  const { engine, why } = engineOf(guest);
  const outcome: Outcome = {
    engine,
    reason: [
      found.os.name,
      ...(why === undefined ? [] : [why]),
      ...makers,
      ...fitConcerns(plan.concerns).map((concern) => concern.why),
    ].join('; '),
    os: found.os.name,
    changes: fit([...madeBefore(guest), ...edit.told]),
    nics: plan.nics.map(({ mac, name, addresses }) => ({ mac, name, addresses })),
    agent: plan.agent,
    roots: [],
  };
  return { outcome, planned, edit, tell: work.tell };
}

/** The disks stay as they are. */
export const untouched = (reason: string): Outcome => ({
  engine: 'none',
  reason,
  os: '',
  changes: [],
  nics: [],
  agent: 'unknown',
  roots: [],
});

/** Where what was there before is kept while the disks change, so that all of it can be put back. */
export type Safety = Pick<Journal, 'folder' | 'begin' | 'log' | 'rollBack'>;

/** What changes is written into a copy first, and is kept as it was. */
const besideEach = 2;

/** Writes what was made ready, and proves it. When anything fails the disks are put back. */
export async function carryOut(ready: Ready, safety: Safety, images: readonly Image[]): Promise<void> {
  const { guest } = ready.planned;
  const { targets } = ready.edit;
  const appliance = applianceOf(guest);
  if (appliance) return carryOver(appliance, ready, safety);
  checkHostRoom(safety.folder, paths(images), bytesOf(targets), besideEach);
  await guarded(safety, [...new Set(targets.map(({ path }) => guest.locate(path).mount.volume.disk))], async () => {
    await writeTargets(guest, targets, (disk) => safety.log(disk, images.find(({ index }) => index === disk)!.path));
    await verifyTargets(guest, targets);
  });
}

/** Into the layers first: only what was read back from them, and found whole, goes to the disks. */
async function carryOver(appliance: Appliance, { planned, edit, tell }: Ready, safety: Safety): Promise<void> {
  const { guest } = planned;
  tell?.('Writing the changes');
  await writeTargets(guest, edit.targets, () => '');
  tell?.('Checking what was written');
  await verifyTargets(guest, edit.targets);
  const layers = await appliance.settle();
  tell?.('Carrying the changes over to the disks');
  const bytes = layers.flatMap(({ changed }) => changed).reduce((sum, { length }) => sum + length, 0);
  checkHostRoom(safety.folder, paths(layers.map(({ layer }) => layer)), bytes);
  const disks = layers.map(({ layer }) => layer.disk);
  await guarded(safety, disks, async () => {
    for (const { layer, changed } of layers) commitLayer(layer, changed, safety.log(layer.disk, layer.path));
    for (const { layer } of layers)
      if ((await differences(layer, appliance.signal)).length > 0)
        throw new TranshipError('guest.conversion', `disk ${layer.disk} does not read as it was written`);
  });
}

const paths = (images: readonly { readonly path: string }[]) => images.map(({ path }) => path);

async function guarded(safety: Safety, disks: readonly number[], change: () => Promise<void>): Promise<void> {
  safety.begin(disks);
  try {
    await change();
  } catch (error) {
    safety.rollBack();
    if (isFull(error)) throw new TranshipError('target.full', (error as Error).message, { cause: error });
    throw error;
  }
}

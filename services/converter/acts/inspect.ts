import { type ErrorCode, type Inspection, TranshipError } from '@tranship/contracts';
import { checkRoom, checkWritable } from '../adapters/commit.ts';
import { CopiedVolumes } from '../adapters/copied-volumes.ts';
import { type Probe, probeDisks } from '../adapters/disks.ts';
import { type Edit, prepareEdit } from '../adapters/edit.ts';
import { FolderFs } from '../adapters/folder-fs.ts';
import { Guest } from '../adapters/guest.ts';
import { isRemote } from '../adapters/reading.ts';
import { ntfsStates } from '../adapters/windows.ts';
import type { Told } from '../domain/changes.ts';
import { describeDisks, describeGuest } from '../domain/describe.ts';
import { parseOsRelease } from '../domain/os-release.ts';
import { criticalOf, errorOf, type Refusal, refuse, type Whole } from '../domain/part.ts';
import { planChanges } from '../domain/plan.ts';
import { bootWays } from '../domain/survey.ts';
import { isDirty, placeOf } from '../domain/volumes.ts';
import type { Windows } from '../domain/windows/windows.ts';
import type { OpenVolume } from '../ports.ts';
import { engineOf, madeBefore, passing, withOpener } from './engines.ts';
import { examine } from './examine.ts';
import { findRoot, osReleaseOf } from './find.ts';
import { type Planned, planGuest, type Work } from './plan-guest.ts';

export type Found = Omit<Inspection, 'seconds'>;

/** Looks a VM's disks through and says what converting it would do. Nothing is changed; what stands in the way is told, not thrown. */
export async function inspectDisks(work: Work): Promise<Found> {
  const probe = probeDisks(work.images);
  const found = await withOpener(probe, work, (open, all) => lookThrough(work, all, open), standing).catch((error) =>
    refused(probe, refusalIn(error)),
  );
  return isUnread(found) ? ((await replayed(work, probe)) ?? found) : found;
}

/** A guest that writes was met with its books in disorder. */
const isUnread = ({ supported, engine, concerns }: Found) =>
  supported && engine === 'none' && concerns.some(({ id }) => id === 'guest.dirty');

/** Of file systems that are larger it would take too long to copy the books. */
const mostReplayed = 256 * 1024 ** 3;

/** Looked through as it will be once its journals have put in place what they hold: in copies of its file systems' books. */
async function replayed(work: Work, probe: Probe): Promise<Found | undefined> {
  const volumes = probe.disks.flatMap((disk) => disk.volumes).filter(({ fileSystem }) => fileSystem?.kind === 'ext');
  if (work.images.some(({ path }) => isRemote(path)) || volumes.some(({ length }) => length > mostReplayed))
    return undefined;
  const copies = new CopiedVolumes(probe, work.scratch, work.signal);
  try {
    const found = await lookThrough(work, probe, (volume) => copies.open(volume));
    return found.engine === 'none' ? undefined : found;
  } catch (error) {
    // Nor so: it is told what was met first.
    if (error instanceof TranshipError) return undefined;
    throw error;
  } finally {
    await copies.close();
  }
}

/** What an answer says that stands in the way. */
function standing({ supported, concerns }: Found): Refusal | undefined {
  const critical = supported ? undefined : concerns.find(({ category }) => category === 'critical');
  return critical && refuse(critical.id as ErrorCode, critical.why);
}

async function lookThrough(work: Work, probe: Probe, open: OpenVolume): Promise<Found> {
  const verdict = await findRoot(probe, open);
  if (verdict.kind === 'none') return { ...nothing(probe), supported: true, os: { ...unknown, family: 'none' } };
  if (verdict.kind === 'unsupported') return refused(probe, verdict.refusal);
  try {
    return await told(work, probe, await planGuest(work, probe, verdict, open));
  } catch (error) {
    const found = refused(probe, refusalIn(error));
    const os =
      verdict.kind === 'root'
        ? { family: 'linux' as const, name: parseOsRelease(verdict.root.osRelease).name }
        : osOf(verdict.root.windows);
    return { ...found, os: { ...found.os, ...os } };
  }
}

async function told(work: Work, probe: Probe, planned: Planned): Promise<Found> {
  const { guest, plan, unclean } = planned;
  const refusals = [...plan.refusals];
  const warnings = [...unclean];
  let edit: Edit | undefined;
  try {
    if (refusals.length === 0) edit = await prepareEdit(guest, plan.changes, work);
    if (edit) {
      checkRoom(guest, edit.targets);
      await checkWritable(guest, edit.targets);
    }
  } catch (error) {
    const refusal = refusalIn(error);
    if (unclean.length > 0 && passing.has(refusal.code)) warnings.push(whileInUse(refusal));
    else refusals.push(refusal);
  }
  return inspectionOf(probe, planned, { edit, refusals, warnings });
}

interface Judged {
  readonly edit: Edit | undefined;
  readonly refusals?: readonly Refusal[];
  readonly warnings?: readonly Refusal[];
}

/** What there is to say of a guest that was looked through, and of what would be done to it. */
export function inspectionOf(
  probe: Probe,
  { guest, found: described, plan }: Planned,
  { edit, refusals = [], warnings = [] }: Judged,
): Found {
  const { loaders, ...found } = described;
  return {
    ...nothing(probe),
    ...found,
    ...verdictOf(plan, refusals, [...madeBefore(guest), ...(edit?.told ?? [])]),
    engine: engineOf(guest).engine,
    mounts: guest.mounts.map(({ at, volume }) => {
      const { freeBytes } = volume.fileSystem ?? {};
      return { at, place: placeOf(volume), ...(freeBytes === undefined ? {} : { freeBytes }) };
    }),
    boot: { ways: bootWays(probe.disks), loaders },
    concerns: [...refusals.map(criticalOf), ...warnings.map(warningOf), ...plan.concerns],
  };
}

const verdictOf = (plan: Whole, refusals: readonly Refusal[], told: readonly Told[]) => ({
  supported: refusals.length === 0,
  nics: plan.nics.map(({ mac, name, addresses }) => ({ mac, name, addresses })),
  concerns: [...refusals.map(criticalOf), ...plan.concerns],
  changes: told.map(({ change }) => change),
});

/** A tree of files without its disks: what can be said of it, and what the rules of network and boot would do. */
export async function planTree(root: string, { nics, scratch, signal }: Omit<Work, 'images'>) {
  const volume = { disk: 0, offset: 0, length: 0 };
  const guest = new Guest([{ at: '/', volume, fs: new FolderFs(root, scratch) }]);
  const text = await osReleaseOf(guest);
  if (text === undefined) throw errorOf(refuse('guest.os-unsupported', `there is no os-release below ${root}`));
  const examined = await examine(guest, { os: parseOsRelease(text), disks: [], nics }, signal);
  const facts = { ...examined, media: [] };
  const plan = planChanges(facts);
  const edit = await prepareEdit(guest, plan.refusals.length === 0 ? plan.changes : [], { scratch, signal });
  const { loaders, ...found } = describeGuest(facts);
  const inspection: Found = {
    ...nothing({ disks: [], unreached: [] }),
    ...found,
    ...verdictOf(plan, plan.refusals, edit.told),
    engine: 'tree',
    boot: { ways: [], loaders },
  };
  return { guest, edit, inspection };
}

/** A running guest is never clean: it is judged again once it is off. */
const warningOf = (refusal: Refusal) => ({ ...criticalOf(refusal), category: 'warning' as const });

const unknown = { family: 'unknown' as const, id: '', name: '', version: '', arch: '' };

const nothing = ({ disks }: Probe): Found => ({
  os: unknown,
  supported: false,
  engine: 'none',
  ...describeDisks(disks),
  mounts: [],
  boot: { ways: bootWays(disks), loaders: [] },
  kernels: [],
  fragile: [],
  network: { managers: [], configs: [] },
  nics: [],
  tools: [],
  concerns: [],
  changes: [],
});

const whileInUse = ({ detail }: Refusal) =>
  refuse('guest.dirty', `it could not be looked through while the guest writes to it: ${detail}`);

function refused(probe: Probe, refusal: Refusal): Found {
  const inUse =
    probe.disks.some(({ volumes }) => volumes.some(isDirty)) || ntfsStates(probe).some(({ dirty }) => dirty);
  if (inUse && passing.has(refusal.code))
    return { ...nothing(probe), supported: true, concerns: [warningOf(whileInUse(refusal))] };
  const found = { ...nothing(probe), concerns: [criticalOf(refusal)] };
  const isWindows = refusal.code === 'guest.windows-unsupported' || refusal.code === 'guest.bitlocker-unsupported';
  return isWindows ? { ...found, os: { ...found.os, family: 'windows', id: 'windows', name: 'Windows' } } : found;
}

const osOf = ({ name, version, arch }: Windows) => ({
  family: 'windows' as const,
  id: 'windows',
  ...{ name, version, arch },
});

function refusalIn(error: unknown): Refusal {
  if (!(error instanceof TranshipError) || error.code === 'service.internal') throw error;
  return refuse(error.code, error.detail, error.path);
}

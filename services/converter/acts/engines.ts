import { type ErrorCode, TranshipError } from '@tranship/contracts';
import { Appliance } from '../adapters/appliance/appliance.ts';
import { ApplianceFs } from '../adapters/appliance/appliance-fs.ts';
import { hasAppliance, hasV2v } from '../adapters/appliance/environment.ts';
import { runV2v } from '../adapters/appliance/v2v.ts';
import { openIn, withVolumes } from '../adapters/appliance/volumes.ts';
import { DiskExt } from '../adapters/disk-ext.ts';
import type { Probe } from '../adapters/disks.ts';
import type { Guest } from '../adapters/guest.ts';
import { hasKeys, readKeys } from '../adapters/luks-keys.ts';
import { MountFs } from '../adapters/mount-fs.ts';
import { NtfsFs } from '../adapters/ntfs-fs.ts';
import { isRemote } from '../adapters/reading.ts';
import { RemoteExtFs } from '../adapters/remote-fs.ts';
import { VfatFs } from '../adapters/vfat-fs.ts';
import { ntfsStates } from '../adapters/windows.ts';
import { type Told, tellDigests } from '../domain/changes.ts';
import type { Refusal } from '../domain/part.ts';
import { isDirty, type Volume } from '../domain/volumes.ts';
import type { OpenVolume } from '../ports.ts';
import { digestsIn } from './foreign.ts';

/** How this run may reach file systems. */
export interface Reach {
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Whether the node's kernel may mount what no tool here writes. */
  readonly mountEngine?: boolean;
  /** Whether a virtual machine of its own may, where this machine has its programs. */
  readonly applianceEngine?: boolean;
  /** A folder with the keys of the guest's encrypted volumes, a file each. */
  readonly luksKeysDir?: string | undefined;
  /** Encrypted volumes stay closed, whatever keys there are. */
  readonly withoutKeys?: boolean;
  /** Hears what a run that takes long is at. */
  tell?(stage: string): void;
}

/** Something that is done to a guest by what opens its volumes. */
type Use<T> = (open: OpenVolume, probe: Probe) => Promise<T>;

/** What no tool here reaches, and a kernel does; journals to be replayed are of it. */
const beyond: ReadonlySet<ErrorCode> = new Set([
  'guest.xfs-unsupported',
  'guest.btrfs-unsupported',
  'guest.lvm-unsupported',
  'guest.ext-unsupported',
  'guest.dirty',
  'rehearsal.unsupported',
]);
/** What a file system shows of itself whose journal holds what is not in its place yet. */
export const passing: ReadonlySet<ErrorCode> = new Set(['guest.conversion', 'guest.malformed']);
/** What our rules do not know, and virt-v2v may. */
const foreign: ReadonlySet<ErrorCode> = new Set(['guest.initramfs-unsupported', 'guest.boot-unsupported']);

/**
 * Uses a guest by the first engine that reaches and knows it: the tools here, with the node's kernel where it is allowed;
 * then our rules in an appliance; then virt-v2v there. The next one comes where the one before refuses for a reason that it
 * does not share: by throwing, or as `refusalIn` reads of the answer. `near`: what takes the place of the first. Lets go of
 * all that was opened.
 */
export async function withOpener<T>(
  probe: Probe,
  reach: Reach,
  use: Use<T>,
  refusalIn: (answer: T) => Refusal | undefined = () => undefined,
  near: () => Promise<T> = () => withNear(probe, reach, use),
): Promise<T> {
  const first = await attempt(near, refusalIn);
  const next = nextOf(reach, probe, first.refusal);
  if (next === undefined) return first.end();
  if (next === 'virt-v2v') return withAppliance(probe, reach, use, first.refusal!, true);
  const second = await attempt(() => withAppliance(probe, reach, use, first.refusal!, false), refusalIn);
  if (nextOf(reach, probe, second.refusal) !== 'virt-v2v') return second.end();
  return withAppliance(probe, reach, use, second.refusal!, true);
}

interface Attempt<T> {
  readonly refusal?: Refusal;
  /** Answers or throws as it ended. */
  end(): T;
}

async function attempt<T>(work: () => Promise<T>, refusalIn: (answer: T) => Refusal | undefined): Promise<Attempt<T>> {
  try {
    const answer = await work();
    const refusal = refusalIn(answer);
    return { end: () => answer, ...(refusal ? { refusal } : {}) };
  } catch (error) {
    if (!(error instanceof TranshipError)) throw error;
    const end = () => {
      throw error;
    };
    return { end, refusal: error };
  }
}

function nextOf(
  { applianceEngine, luksKeysDir, withoutKeys = false, signal }: Reach,
  probe: Probe,
  refusal: Refusal | undefined,
): 'appliance' | 'virt-v2v' | undefined {
  if (!refusal || !applianceEngine || signal.aborted || !hasAppliance()) return undefined;
  const { disks } = probe;
  // Its kernel is let mount no NTFS.
  if (ntfsStates(probe).some(({ windows }) => windows !== undefined)) return undefined;
  // The appliance puts an array together as it starts, and writes that on each of its members.
  if (kindsIn(disks).has('raid')) return undefined;
  const { code } = refusal;
  const canOpen = hasKeys(luksKeysDir) && kindsIn(disks).has('luks');
  // It is given no key, and would read much of a disk that somebody serves.
  if (foreign.has(code))
    return hasV2v() && !canOpen && !disks.some(({ path }) => isRemote(path)) ? 'virt-v2v' : undefined;
  if (code === 'guest.luks-unsupported') return canOpen && !withoutKeys ? 'appliance' : undefined;
  const inDisorder = passing.has(code) && disks.some(({ volumes }) => volumes.some(isDirty));
  return beyond.has(code) || inDisorder ? 'appliance' : undefined;
}

const kindsIn = (disks: Probe['disks']) =>
  new Set(disks.flatMap(({ volumes }) => volumes.map(({ fileSystem }) => fileSystem?.kind)));

/** What the node's kernel is let mount: each kind has a test. */
const mountable: readonly string[] = ['xfs', 'btrfs'];

async function withNear<T>(probe: Probe, { scratch, signal, mountEngine = false }: Reach, use: Use<T>): Promise<T> {
  const mounted = new Map<Volume, MountFs>();
  const open: OpenVolume = (volume) => {
    const { disk, offset, length, fileSystem } = volume;
    const place = { path: probe.disks.find(({ index }) => index === disk)!.path, offset, length };
    if (fileSystem?.kind === 'ext')
      return isRemote(place.path) ? new RemoteExtFs(place, scratch) : new DiskExt(place, scratch, signal);
    if (fileSystem?.kind === 'vfat') return new VfatFs(place, scratch, signal);
    if (fileSystem?.kind === 'ntfs') return new NtfsFs(place, scratch, signal);
    if (!mountEngine || isRemote(place.path) || !fileSystem || !mountable.includes(fileSystem.kind)) return undefined;
    const fs = mounted.get(volume) ?? new MountFs(place, fileSystem.kind, scratch, signal);
    mounted.set(volume, fs);
    return fs;
  };
  try {
    return await use(open, probe);
  } finally {
    for (const fs of mounted.values()) await fs.close();
  }
}

async function withAppliance<T>(
  probe: Probe,
  { luksKeysDir, withoutKeys, scratch, signal, tell }: Reach,
  use: Use<T>,
  { detail: why }: Refusal,
  byV2v: boolean,
): Promise<T> {
  const keys = withoutKeys ? [] : readKeys(luksKeysDir);
  const appliance = await Appliance.over(probe.disks, { why, byV2v, keys }, scratch, signal);
  try {
    tell?.('Starting the appliance');
    await appliance.start();
    if (byV2v) await convertForeign(appliance, probe, tell);
    if (keys.length > 0) tell?.('Opening encrypted volumes');
    const found = await withVolumes(appliance, probe);
    tell?.('Looking the guest through');
    return await use(openIn(appliance), found);
  } finally {
    await appliance.close();
  }
}

/** By virt-v2v, which does not tell what it changes: its files are looked at before and after. */
async function convertForeign(appliance: Appliance, probe: Probe, tell: Reach['tell']): Promise<void> {
  const before = await digestsIn(appliance, probe);
  await appliance.pause();
  await runV2v(appliance.layers, appliance.folder, appliance.signal, (stage) => tell?.(stage));
  tell?.('Starting the appliance again');
  await appliance.start();
  appliance.made = tellDigests(before, await digestsIn(appliance, probe));
}

/** What was changed in a guest before our rules came to it. */
export const madeBefore = (guest: Guest): readonly Told[] => applianceOf(guest)?.made ?? [];

/** The appliance that a guest is reached through. */
export const applianceOf = ({ mounts }: Guest): Appliance | undefined =>
  mounts.map(({ fs }) => (fs instanceof ApplianceFs ? fs.appliance : undefined)).find(Boolean);

/** Which engine reaches a guest's files, and why where it is not the first. */
export function engineOf(guest: Guest): { engine: 'direct' | 'mount' | 'appliance'; why?: string } {
  const appliance = applianceOf(guest);
  if (appliance)
    return {
      engine: 'appliance',
      why: `${appliance.byV2v ? 'by virt-v2v-in-place' : 'by our rules'}, as ${appliance.why}`,
    };
  const mounted = guest.mounts.flatMap(({ at, fs, volume }) =>
    fs instanceof MountFs ? [`${at} (${volume.fileSystem?.kind})`] : [],
  );
  if (mounted.length === 0) return { engine: 'direct' };
  return { engine: 'mount', why: `mounted by the node's kernel: ${mounted.join(', ')}` };
}

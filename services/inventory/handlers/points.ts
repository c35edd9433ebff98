import { type Point, type Since, type StepInput, type StepResult, TranshipError, tellRoom } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { changedDisks, historyLost, notAnswered, strangersMoved, type TrackedDisk } from '../domain/tracking.ts';
import type { PointSource, VmNow } from '../ports.ts';
import { startsSoFar } from './power.ts';

/** Keeps a list of areas for the workbench; gives its name. */
export type Keep = (text: string) => Promise<string>;
interface World {
  readonly find: (provider: string) => PointSource;
  readonly keep: Keep;
}
type Moment = {
  readonly vm: string;
  readonly snapshot?: string | undefined;
  readonly disks: readonly TrackedDisk[];
  readonly foreign: string[];
};

/** More answers than this for one disk are no answers: 62 TiB in pieces of 2,000 areas stay far below. */
const maxWindows = 100_000;
/** All names that Tranship gives to snapshots begin so. */
const ours = 'tranship-';

/** Takes the snapshot, or finds the one that a try before took, and says what changed up to it. */
export async function snapshot(
  { find, keep }: World,
  input: StepInput<'snapshot'>,
  context: StepContext,
): Promise<StepResult<'snapshot'>> {
  const source = find(input.provider);
  const { vm, name } = input;
  if (context.begun) await source.idle(vm, context.signal);
  const now = await source.look(vm);
  asPlanned(input, now.disks);
  const before = now.snapshots.find((each) => each.name === name);
  if (!before) await enoughRoom(source, vm);
  const tracking = await tracked(source, vm, { on: now.tracking, begun: before !== undefined }, context);
  const id = before?.id ?? (await source.createSnapshot(vm, name, context.signal));
  const at = new Date(context.clock.now()).toISOString();
  const moment = { vm, snapshot: id, disks: await source.snapshotDisks(id), foreign: strangers(now) };
  const { powerState } = await source.power(vm);
  return { ...(await point(source, keep, input, moment, at)), snapshot: id, ...tracking, powerState };
}

/** A snapshot that grows until its datastore is full stops every VM on it. */
async function enoughRoom(source: PointSource, vm: string): Promise<void> {
  const [room] = await source.rooms([vm]);
  if (room && room.freeBytes < room.needBytes) throw new TranshipError('source.low-space', tellRoom(room));
}

/** What changed up to the power-off: no snapshot is needed of a VM that is off. */
export async function findChanges(
  { find, keep }: World,
  input: StepInput<'findChanges'>,
  { clock, log }: StepContext,
): Promise<StepResult<'findChanges'>> {
  const source = find(input.provider);
  const { vm } = input;
  // Before the look at its power: whatever starts it afterwards is newer.
  const lastStart = await startsSoFar(source, vm, log);
  const { powerState } = await source.power(vm);
  if (powerState !== 'poweredOff') throw new TranshipError('source.contested', `the source ${vm} is ${powerState}`);
  const now = await source.look(vm);
  asPlanned(input, now.disks);
  const at = new Date(clock.now()).toISOString();
  const found = await point(source, keep, input, { vm, disks: now.disks, foreign: strangers(now) }, at);
  return lastStart === undefined ? found : { ...found, lastStart };
}

function asPlanned({ vm, disks }: { vm: string; disks: readonly Since[] }, found: readonly TrackedDisk[]): void {
  const change = changedDisks(disks, found);
  if (change !== undefined) throw new TranshipError('source.changed', `${vm}: ${change}`);
}

const strangers = ({ snapshots }: VmNow) => snapshots.filter(({ name }) => !name.startsWith(ours)).map(({ id }) => id);

type Tracked = Pick<StepResult<'snapshot'>, 'tracking' | 'untracked'>;

/** It takes effect with the stun of the snapshot that follows. Where it cannot be had, passes compare. */
async function tracked(
  source: PointSource,
  vm: string,
  { on, begun }: { on: boolean; begun: boolean },
  { log }: StepContext,
): Promise<Tracked> {
  if (on) return { tracking: 'on' };
  if (begun) return { tracking: 'off' };
  try {
    await source.setTracking(vm, true);
    return { tracking: 'enabled' };
  } catch (error) {
    const { code, detail } = TranshipError.from(error);
    if (code !== 'vsphere.fault') throw error;
    log.warn({ vm, detail }, 'change tracking cannot be turned on: every pass reads all of the disks');
    return { tracking: 'off', untracked: detail };
  }
}

async function point(
  source: PointSource,
  keep: Keep,
  { disks, foreign }: { disks: readonly Since[]; foreign?: string[] | undefined },
  moment: Moment,
  at: string,
): Promise<Point> {
  const moved = strangersMoved(foreign, moment.foreign);
  const found: Point['disks'] = [];
  for (const { key, sizeBytes, changeId: before } of disks) {
    const { file, changeId } = moment.disks.find((disk) => disk.key === key) ?? missing(key);
    const known = { key, file, ...(changeId === undefined ? {} : { changeId }) };
    // The first pass copies all: nothing is asked, nothing is lost.
    if (foreign === undefined) found.push(known);
    else {
      const lost = moved ?? historyLost(before, changeId, moment.snapshot !== undefined);
      found.push({
        ...known,
        ...(lost === undefined ? await changes(source, keep, moment, { key, sizeBytes, before: before! }) : { lost }),
      });
    }
  }
  return { at, disks: found, foreign: moment.foreign };
}

function missing(key: number): never {
  throw new TranshipError('source.changed', `disk ${key} is not part of the snapshot: is it independent?`);
}

/** Asks on until the disk's end: an empty window is no end. Whatever vSphere refuses, the disk is compared instead. */
async function changes(
  source: PointSource,
  keep: Keep,
  { vm, snapshot }: Moment,
  { key, sizeBytes, before }: { key: number; sizeBytes: number; before: string },
) {
  const areas: (readonly [number, number])[] = [];
  try {
    let start = 0;
    for (let i = 0; start < sizeBytes; i++) {
      const window = await source.changedAreas(vm, { key, changeId: before, start, snapshot });
      const wrong =
        i < maxWindows ? notAnswered(window, start, sizeBytes) : 'QueryChangedDiskAreas takes too many answers';
      if (wrong !== undefined) return { lost: wrong };
      areas.push(...window.areas);
      start = window.start + window.length;
    }
  } catch (error) {
    const { code, detail, retry } = TranshipError.from(error);
    if (retry && code !== 'vsphere.fault') throw error;
    return { lost: detail };
  }
  const changedBytes = areas.reduce((sum, [, length]) => sum + length, 0);
  return { areas: await keep(JSON.stringify(areas)), changedBytes };
}

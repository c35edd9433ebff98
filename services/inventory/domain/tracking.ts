import { type Since, TranshipError } from '@tranship/contracts';
import { many, number, object, refId, text, typeOf, type Vim } from './vim.ts';

export interface TrackedDisk {
  readonly key: number;
  readonly file: string;
  readonly sizeBytes: number;
  readonly changeId?: string;
}

/** The file-backed disks of a configuration, as it stands or as a snapshot holds it. */
export const trackedDisks = (devices: unknown): TrackedDisk[] =>
  many(devices)
    .filter((device) => typeOf(device) === 'VirtualDisk')
    .map((device) => {
      const backing = object(device.backing) ?? {};
      const changeId = text(backing.changeId);
      return {
        key: number(device.key) ?? 0,
        file: text(backing.fileName) ?? '',
        sizeBytes: number(device.capacityInBytes) ?? (number(device.capacityInKB) ?? 0) * 1024,
        ...(changeId === undefined ? {} : { changeId }),
      };
    });

export interface NamedSnapshot {
  readonly id: string;
  readonly name: string;
}

/** All snapshots of a tree, parents first. */
export const snapshotsIn = (tree: unknown): NamedSnapshot[] =>
  many(tree).flatMap((node: Vim) => [
    { id: refId(node.snapshot) ?? '', name: text(node.name) ?? '' },
    ...snapshotsIn(node.childSnapshotList),
  ]);

/** What of the disks is not as the plan says; `undefined` while all is. */
export function changedDisks(planned: readonly Since[], found: readonly TrackedDisk[]): string | undefined {
  const extra = found.find(({ key }) => !planned.some((disk) => disk.key === key));
  if (extra) return `disk ${extra.key} (${extra.file}) was added`;
  for (const { key, sizeBytes } of planned) {
    const disk = found.find((each) => each.key === key);
    if (!disk) return `disk ${key} is gone`;
    if (disk.sizeBytes !== sizeBytes) return `disk ${key} has ${disk.sizeBytes} bytes, not ${sizeBytes} any more`;
  }
  return undefined;
}

/**
 * Why changed areas between two of VMware's names for a moment cannot be trusted; `undefined`: they can. Each snapshot counts
 * on (`isNew`); a VM that is off may still be where it was.
 */
export function historyLost(before: string | undefined, now: string | undefined, isNew: boolean): string | undefined {
  if (before === undefined) return 'the last pass had no changeId';
  if (now === undefined) return 'change tracking gives no changeId';
  const [[was, at], [is, to]] = [split(before), split(now)];
  if (was !== is) return 'change tracking was reset';
  if (!Number.isInteger(at) || !Number.isInteger(to)) return `the changeId ${now} is not understood`;
  if (to < at) return 'the changeId went back: the VM was reverted';
  return isNew && to === at ? 'the changeId did not go on: the VM was reverted' : undefined;
}

const split = (changeId: string): [string, number] => {
  const slash = changeId.lastIndexOf('/');
  return [changeId.slice(0, slash), slash < 0 ? Number.NaN : Number(changeId.slice(slash + 1))];
};

/** Snapshots of others that came or went between two passes, by id. */
export function strangersMoved(before: readonly string[] | undefined, now: readonly string[]): string | undefined {
  if (before === undefined) return undefined;
  const came = now.filter((id) => !before.includes(id));
  const went = before.filter((id) => !now.includes(id));
  if (came.length + went.length === 0) return undefined;
  return `snapshots of others ${came.length > 0 ? `were taken (${came.join(', ')})` : `went (${went.join(', ')})`} since the last pass`;
}

/** One answer of QueryChangedDiskAreas: what changed within a window of the disk. */
export interface ChangeWindow {
  readonly start: number;
  readonly length: number;
  readonly areas: readonly (readonly [number, number])[];
}

/** @throws TranshipError `vsphere.fault` where the answer is none */
export function changeWindow(answer: unknown): ChangeWindow {
  const { startOffset, length, changedArea } = object(answer) ?? {};
  const [start, long] = [number(startOffset), number(length)];
  const areas = many(changedArea).map((area) => [number(area.start), number(area.length)] as const);
  if (![start, long, ...areas.flat()].every(Number.isSafeInteger))
    throw new TranshipError('vsphere.fault', 'QueryChangedDiskAreas: an answer that is no change of a disk');
  return { start: start!, length: long!, areas: areas as [number, number][] };
}

/** Why a window is no answer to what was asked, which is what changed from `from` on; `undefined`: it is one. */
export function notAnswered(
  { start, length, areas }: ChangeWindow,
  from: number,
  sizeBytes: number,
): string | undefined {
  if (start > from) return `QueryChangedDiskAreas was asked from ${from} on and answers from ${start} on`;
  if (start + length <= from) return 'QueryChangedDiskAreas does not come to an end';
  const beyond = areas.find(([at, long]) => at < 0 || long < 0 || at + long > sizeBytes);
  return beyond && `QueryChangedDiskAreas tells of ${beyond[0]}+${beyond[1]}, outside of the disk`;
}

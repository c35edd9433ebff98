import type { PassDisk, Point, Since, StepResult, TargetDisk, TranshipEvent } from '@tranship/contracts';

/** One pass over a VM's disks, as its events told it. Times in ISO. */
export interface Pass {
  readonly pass: number;
  readonly started: string;
  /** The moment whose bytes it copies. */
  readonly point: Point | undefined;
  readonly snapshot: string | undefined;
  /** The VM was found off when the snapshot was taken. */
  readonly off?: boolean;
  readonly finished: string | undefined;
  readonly readBytes: number;
  readonly seconds: number;
  readonly copied?: StepResult<'copy'>['disks'];
  readonly proven?: StepResult<'prove'>['disks'];
}

type PassEvent = Extract<
  TranshipEvent,
  { type: 'vm.snapshotted' | 'vm.changes-found' | 'vm.pass-finished' | 'vm.proved' }
>;

export const startPass = (pass: number, started: string): Pass => ({
  ...{ pass, started, point: undefined, snapshot: undefined, finished: undefined, readBytes: 0, seconds: 0 },
});

/** The last pass, with what an event adds to it. The final pass begins with the power-off: it has no beginning of its own. */
export function finishPass(passes: readonly Pass[], event: PassEvent, time: string): readonly Pass[] {
  const last = passes.at(-1);
  const final = event.type === 'vm.changes-found' && (!last || last.finished !== undefined);
  const [before, current] = final
    ? [passes, startPass((last?.pass ?? 0) + 1, time)]
    : [passes.slice(0, -1), last ?? startPass(1, time)];
  switch (event.type) {
    case 'vm.snapshotted':
      return [
        ...before,
        { ...current, point: event.data, snapshot: event.data.snapshot, off: event.data.powerState === 'poweredOff' },
      ];
    case 'vm.changes-found':
      return [...before, { ...current, point: event.data }];
    case 'vm.pass-finished':
      return [...before, { ...current, finished: time, ...sums(event.data) }];
    case 'vm.proved':
      return [...before, { ...current, proven: event.data.disks }];
  }
}

const sums = ({ disks, seconds }: StepResult<'copy'>) => ({
  readBytes: disks.reduce((sum, { readBytes }) => sum + readBytes, 0),
  seconds,
  copied: disks,
});

/** The last pass comes to nothing, though all may be copied: what was not read back proves nothing. */
export const giveUp = (passes: readonly Pass[]): readonly Pass[] =>
  passes.map((pass, i) => (i === passes.length - 1 ? { ...pass, finished: undefined } : pass));

/** The passes that reached their end. */
export const finished = (passes: readonly Pass[]): readonly Pass[] =>
  passes.filter((pass) => pass.finished !== undefined);

/** Those of them whose bytes were read back: what a retry may go on from. */
export const proven = (passes: readonly Pass[]): readonly Pass[] =>
  finished(passes).filter((pass) => pass.proven !== undefined);

/** What the next look at the disks compares with. */
export function since(disks: readonly TargetDisk[], passes: readonly Pass[]): { disks: Since[]; foreign?: string[] } {
  const last = finished(passes).at(-1)?.point;
  return {
    disks: disks.map(({ key, sizeBytes }) => {
      const changeId = last?.disks.find((disk) => disk.key === key)?.changeId;
      return { key, sizeBytes, ...(changeId === undefined ? {} : { changeId }) };
    }),
    ...(last ? { foreign: last.foreign } : {}),
  };
}

/** The disks with the claims that stand for them, as `prepare` found them. */
export function claimed(disks: readonly TargetDisk[], prepared: StepResult<'prepare'> | undefined): TargetDisk[] {
  return disks.map((disk) => {
    const pvc = prepared?.pvcs?.find(({ index }) => index === disk.index);
    return pvc ? { ...disk, claim: { uid: pvc.uid, volume: pvc.volume ?? '' } } : disk;
  });
}

/** The object with a disk's ledger as the last proof before this pass left it. */
const keptOf = (index: number, passes: readonly Pass[]): string | undefined =>
  passes.findLast(({ proven }) => proven)?.proven?.find((disk) => disk.index === index)?.kept;

/**
 * How each disk is copied in this pass: all of it first; then what changed, where that is known; else all is compared. `ran`:
 * the target's disks hold what it wrote, and of what it had no ledger tells.
 */
export function passDisks(
  disks: readonly TargetDisk[],
  passes: readonly Pass[],
  { pass, point }: Pass,
  ran: boolean,
): PassDisk[] {
  const before = since(disks, passes).disks;
  return disks.map((disk) => {
    const seen = point?.disks.find(({ key }) => key === disk.key);
    const { file = disk.file, changeId, areas } = seen ?? {};
    const kept = keptOf(disk.index, passes);
    const asked = before.find(({ key }) => key === disk.key)?.changeId;
    const how = ran ? 'compare' : pass === 1 ? 'full' : areas === undefined ? 'compare' : 'delta';
    return {
      ...disk,
      file,
      how,
      ...(how === 'delta' ? { areas, since: asked } : {}),
      ...(changeId === undefined ? {} : { changeId }),
      ...(kept === undefined ? {} : { kept }),
    };
  });
}

/** Bytes that CBT called changed in a pass; what is not known counts as all of the disk. */
export const changedBytes = ({ point }: Pass, disks: readonly TargetDisk[]): number =>
  disks.reduce((sum, { key, sizeBytes }) => {
    const seen = point?.disks.find((disk) => disk.key === key);
    return sum + (seen?.changedBytes ?? sizeBytes);
  }, 0);

/** The same where the source said it of every disk. */
export function sourceSaid({ point }: Pass): number | undefined {
  const each = point?.disks.map((disk) => disk.changedBytes) ?? [];
  return each.length > 0 && !each.includes(undefined)
    ? each.reduce((sum: number, bytes) => sum + bytes!, 0)
    : undefined;
}

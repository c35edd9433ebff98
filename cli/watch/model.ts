import type { MigrationStatus, Progress, VmStatus } from '@tranship/contracts';

/** What a watcher knows: the migration as it was last read, and each disk's last progress by `<vm>/<disk>`. */
export interface WatchModel {
  readonly migration: MigrationStatus;
  readonly progress: ReadonlyMap<string, Progress>;
}

export const watchModel = (migration: MigrationStatus): WatchModel => ({ migration, progress: new Map() });

/** The migration read anew; progress of steps that are over is let go. */
export function withMigration(model: WatchModel, migration: MigrationStatus): WatchModel {
  const step = new Map(migration.vms.map((vm) => [vm.id, vm.step]));
  const progress = new Map([...model.progress].filter(([, value]) => step.get(value.vm) === value.step));
  return { migration, progress };
}

export function withProgress(model: WatchModel, value: Progress): WatchModel {
  if (value.migration !== model.migration.id) return model;
  return { ...model, progress: new Map(model.progress).set(`${value.vm}/${value.disk}`, value) };
}

/** Progress of one VM's disks in the step that it is in, by disk. */
export const disksOf = ({ progress }: WatchModel, vm: VmStatus): Progress[] =>
  [...progress.values()]
    .filter((value) => value.vm === vm.id && value.step === vm.step)
    .sort((a, b) => a.disk - b.disk);

/** Bytes of all that is in flight now; undefined when nothing is. */
export function flow(model: WatchModel): { done: number; total: number; rate: number; eta: number | null } | undefined {
  const disks = model.migration.vms.flatMap((vm) => disksOf(model, vm)).filter(({ stage }) => stage === undefined);
  if (disks.length === 0) return undefined;
  const add = (of: (value: Progress) => number) => disks.reduce((sum, value) => sum + of(value), 0);
  const moving = disks.filter(({ doneBytes, totalBytes }) => doneBytes < totalBytes);
  const etas = moving.map(({ etaSeconds }) => etaSeconds);
  return {
    done: add(({ doneBytes }) => doneBytes),
    total: add(({ totalBytes }) => totalBytes),
    rate: moving.reduce((sum, value) => sum + value.bytesPerSecond, 0),
    eta: etas.some((eta) => eta === null) ? null : Math.max(0, ...etas.map(Number)),
  };
}

/**
 * Milliseconds for which the guest has served nobody: from the source's power-off until the guest is well on the target,
 * or the source runs again. `over` tells whether it has ended. Undefined while, or where, nothing was stopped.
 */
export function downtime({ results, state }: VmStatus, now: number): { ms: number; over: boolean } | undefined {
  const at = (step: string) => {
    const moment = (results[step] as { at?: string } | undefined)?.at;
    return moment === undefined ? undefined : Date.parse(moment);
  };
  const off = at('powerOff');
  if (off === undefined || (results.powerOff as { was?: string }).was !== 'poweredOn') return undefined;
  const up = at('powerOn') ?? at('watchHealth');
  if (up !== undefined && up >= off) return { ms: up - off, over: true };
  return state === 'succeeded' ? undefined : { ms: now - off, over: false };
}

export const problemOf = (vm: VmStatus): { code: string; detail: string; fix: string } | undefined =>
  vm.error as { code: string; detail: string; fix: string } | undefined;

import type { MigrationStatus, VmStatus } from '@tranship/contracts';
import { duration } from '../render/units.ts';
import { downtime, problemOf, type WatchModel } from './model.ts';
import { diskLine } from './view.ts';

const clock = (now: number) => new Date(now).toISOString().slice(11, 19);

const isSame = (old: VmStatus | undefined, vm: VmStatus) =>
  old?.state === vm.state &&
  old.attempt === vm.attempt &&
  old.waits === vm.waits &&
  old.concerns?.length === vm.concerns?.length;

/** What is new since `before`, a line for each VM that moved: for logs and pipes. */
export function movedLines(before: MigrationStatus | undefined, after: MigrationStatus, now: number): string[] {
  const known = new Map(before?.vms.map((vm) => [vm.id, vm]));
  return after.vms.flatMap((vm) => {
    const old = known.get(vm.id);
    if (isSame(old, vm)) return [];
    const again = vm.attempt > 1 ? ` (attempt ${vm.attempt})` : '';
    const down = downtime(vm, now);
    const told = down?.over && old !== undefined && !downtime(old, now)?.over ? `, downtime ${duration(down.ms)}` : '';
    const problem = problemOf(vm);
    const why = problem === undefined ? '' : `: ${problem.code}: ${problem.detail}; fix: ${problem.fix}`;
    const waits = vm.waits === undefined ? '' : ` ${vm.waits}`;
    const concerns = (vm.concerns ?? []).slice(old?.concerns?.length ?? 0).map(({ id, label }) => `; ${id}: ${label}`);
    return [`${clock(now)} ${vm.name} ${vm.state}${again}${waits}${told}${concerns.join('')}${why}`];
  });
}

/** Tells of each disk at every tenth of the way, and at every stage of what has no bytes to count. */
export class Tenths {
  readonly #told = new Map<string, number>();
  readonly #stages = new Map<string, string>();

  lines(model: WatchModel, now: number): string[] {
    const names = new Map(model.migration.vms.map(({ id, name }) => [id, name]));
    return [...model.progress.values()].flatMap((value) => {
      const key = `${value.vm}/${value.disk}/${value.step}`;
      const line = `${clock(now)} ${names.get(value.vm) ?? value.vm} ${diskLine(value).trim()}`;
      if (value.stage !== undefined) {
        if (this.#stages.get(key) === value.stage) return [];
        this.#stages.set(key, value.stage);
        return [line];
      }
      const tenth = value.totalBytes === 0 ? 10 : Math.floor((value.doneBytes / value.totalBytes) * 10);
      const last = this.#told.get(key) ?? 0;
      // A later pass begins anew.
      if (tenth < last) this.#told.set(key, tenth);
      if (tenth <= last) return [];
      this.#told.set(key, tenth);
      return [line];
    });
  }
}

import type { Progress } from '@tranship/contracts';
import type { Course } from '../domain/course.ts';

/** A copy that runs is told of each second. */
const freshMs = 5_000;
const mega = 1_000_000;

/** What copies read of their sources just now, as their workbenches tell. */
export class Rates {
  readonly #told = new Map<string, { readonly bytesPerSecond: number; readonly at: number }>();

  hear({ migration, vm, disk, step, bytesPerSecond }: Progress, now: number): void {
    if (step === 'copy') this.#told.set(`${migration}/${vm}/${disk}`, { bytesPerSecond, at: now });
  }

  /** Megabytes a second, all its disks together; `undefined`: nobody has told of it just now. */
  of({ migration, vm }: Pick<Course, 'migration' | 'vm'>, now: number): number | undefined {
    let sum: number | undefined;
    for (const [disk, { bytesPerSecond, at }] of this.#told) {
      if (now - at > freshMs) this.#told.delete(disk);
      else if (disk.startsWith(`${migration}/${vm}/`)) sum = (sum ?? 0) + bytesPerSecond / mega;
    }
    return sum;
  }
}

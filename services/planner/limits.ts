import { shares } from './domain/bandwidth.ts';
import type { Course } from './domain/course.ts';
import type { Commands, Limits, Model } from './ports.ts';

const key = ({ migration, vm }: { migration: string; vm: string }) => `${migration}/${vm}`;

/** Tells the workbenches what each may read of its source: as the fold has it, at each call what is not so yet. */
export class Bandwidth {
  readonly #model: Model;
  readonly #limits: Limits;
  /** What was written or read last, of the copies that run: replicas that change it have read the same log. */
  #told = new Map<string, number | null>();
  /** Courses that the model has not read so far. */
  readonly #ahead = new Map<string, Course>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(model: Model, limits: Limits) {
    this.#model = model;
    this.#limits = limits;
  }

  /** `about`: a course as it stands now; its copy is about to begin. */
  apply(about?: Course): Promise<void> {
    if (about) this.#ahead.set(key(about), about);
    const turn = this.#turn.then(() => this.#tell());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #tell(): Promise<void> {
    const due = shares(this.#courses(), (provider) => this.#model.bandwidthMBps(provider));
    const told = this.#told;
    this.#told = new Map(due.flatMap((share) => (told.has(key(share)) ? [[key(share), told.get(key(share))!]] : [])));
    for (const share of due) {
      const { migration, vm, bytesPerSecond } = share;
      const now = told.has(key(share)) ? told.get(key(share))! : await this.#limits.get(migration, vm);
      if (now !== bytesPerSecond) await this.#limits.put(migration, vm, bytesPerSecond);
      this.#told.set(key(share), bytesPerSecond);
    }
  }

  #courses(): Course[] {
    const known = this.#model.courses();
    for (const course of known)
      if (course.seq >= (this.#ahead.get(key(course))?.seq ?? 0)) this.#ahead.delete(key(course));
    return [...known.filter((course) => !this.#ahead.has(key(course))), ...this.#ahead.values()];
  }
}

/** Before a copy is asked for, its limit is there, and those of the others leave room for it. */
export const withLimits = (commands: Commands, bandwidth: Bandwidth): Commands => ({
  issue: async (course, due) => {
    if (due.step === 'copy') await bandwidth.apply(course);
    await commands.issue(course, due);
  },
});

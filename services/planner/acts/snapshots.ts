import { BusConflict } from '@tranship/bus';
import type { TranshipEvent } from '@tranship/contracts';
import type { Course } from '../domain/course.ts';
import { type HeldSnapshot, isBack, maySnapshot } from '../domain/snapshots.ts';
import type { Aggregates, Model } from '../ports.ts';

const races = 10;

/**
 * Who may have a snapshot open: granted before a pass begins and returned when the snapshot is gone, with the expected
 * sequence of the provider's grants, so that no number of replicas exceeds what a datastore bears.
 */
export class Snapshots {
  readonly #all: Aggregates;
  readonly #model: Pick<Model, 'snapshots' | 'current'>;

  constructor(all: Aggregates, model: Pick<Model, 'snapshots' | 'current'>) {
    this.#all = all;
    this.#model = model;
  }

  /** For the pass that would begin with the course's next event; false while its datastores bear no more. */
  async grant(course: Course): Promise<boolean> {
    const { migration, vm, plan, seq: at } = course;
    return this.#say(course, (held) => {
      const own = held.find((each) => each.migration === migration && each.vm === vm);
      if (own?.at === at) return true;
      if (!maySnapshot(course, held)) return false;
      return { type: 'permits.snapshot-granted', data: { migration, vm, datastores: [...plan!.datastores], at } };
    });
  }

  /** Once none of its snapshots can be open any more; true when there was something to return. */
  async giveBack(course: Course): Promise<boolean> {
    const { migration, vm } = course;
    return this.#say(
      course,
      (held) =>
        held.some((each) => isBack(course, each)) && { type: 'permits.snapshot-returned', data: { migration, vm } },
    );
  }

  /** Decides by what is held, until it is said before anybody else says anything. */
  async #say({ plan }: Course, decide: (held: readonly HeldSnapshot[]) => TranshipEvent | boolean): Promise<boolean> {
    const { provider } = plan!.connection;
    for (let i = 0; i < races; i++) {
      const { held, seq } = this.#model.snapshots(provider);
      const answer = decide(held);
      if (typeof answer === 'boolean') return answer;
      try {
        await this.#all.append('permits', [provider, 'snapshots'], answer, seq);
        await this.#model.current();
        return true;
      } catch (error) {
        if (!(error instanceof BusConflict)) throw error;
        await this.#model.current();
      }
    }
    return false;
  }
}

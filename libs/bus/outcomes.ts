import { buckets, type Report } from '@tranship/contracts';
import { Bucket } from './bucket.ts';
import type { Connection } from './connection.ts';

export type Outcome = Report['outcome'];
export type StepIds = Pick<Report, 'migration' | 'vm' | 'attempt'> & { readonly step: string };
/** `stale`: a newer attempt of this VM has begun. `done`: it has been run, with this outcome. */
export type Known = { is: 'new' } | { is: 'stale'; newest: number } | { is: 'done'; outcome: Outcome };

const races = 10;

/**
 * What workers know of steps for ever, whatever is delivered again: a step that was run is not run again, and an attempt is
 * refused once a later one of the same VM has begun. So whoever asks for a step anew, in a next pass too, takes a higher attempt.
 */
export class Outcomes {
  readonly #newest: Bucket<{ attempt: number }>;
  readonly #done: Bucket<Outcome>;

  constructor(connection: Connection) {
    this.#newest = new Bucket(connection, buckets.outcomes);
    this.#done = new Bucket(connection, buckets.outcomes);
  }

  /** Before a step begins; after `new` every older attempt is refused. */
  async begin({ migration, vm, step, attempt }: StepIds): Promise<Known> {
    for (let i = 0; i < races; i++) {
      const { value, revision } = await this.#newest.get(migration, vm);
      const newest = value?.attempt ?? 0;
      if (newest > attempt) return { is: 'stale', newest };
      if (newest < attempt && (await this.#newest.put([migration, vm], { attempt }, revision)) === undefined) continue;
      const { value: outcome } = await this.#done.get(migration, vm, step, String(attempt));
      return outcome ? { is: 'done', outcome } : { is: 'new' };
    }
    throw new Error(`too many begin a step of ${migration}/${vm} at once`);
  }

  /** The newest attempt that has begun of any step of the VM; 0 without one. */
  async newest(migration: string, vm: string): Promise<number> {
    return (await this.#newest.get(migration, vm)).value?.attempt ?? 0;
  }

  /** Before the outcome is reported. */
  async keep({ migration, vm, step, attempt }: StepIds, outcome: Outcome): Promise<void> {
    await this.#done.put([migration, vm, step, String(attempt)], outcome);
  }
}

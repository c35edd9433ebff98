import { bucketKey, buckets, type Envelope, type Report } from '@tranship/contracts';

export interface Gap {
  readonly vm: string;
  /** The step that ended. */
  readonly after: string;
  readonly ms: number;
}

/** A worker's first act for a command: it looks what is known of its VM's steps. Then come the tokens of migration and VM. */
export const looks = `$JS.API.DIRECT.GET.KV_${buckets.outcomes}.$KV.${buckets.outcomes}`;

/** Gaps between a worker's report that a step has ended well, and the beginning of the next of the same VM. */
export class Gaps {
  readonly all: Gap[] = [];
  readonly #ended = new Map<string, { at: number; vm: string; step: string }>();

  hear(subject: string, payload: Buffer, at: number): void {
    if (!subject.startsWith(looks)) {
      const { vm, migration, step, outcome } = (JSON.parse(payload.toString()) as Envelope<Report>).data;
      if (outcome.ok) this.#ended.set(bucketKey(migration, vm), { at, vm, step });
      return;
    }
    const key = subject.slice(looks.length + 1);
    const ended = this.#ended.get(key);
    if (!ended) return;
    this.#ended.delete(key);
    this.all.push({ vm: ended.vm, after: ended.step, ms: at - ended.at });
  }
}

/** The value that so many of all are not above. */
export const share = (sorted: readonly number[], of: number) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * of) - 1)]!;

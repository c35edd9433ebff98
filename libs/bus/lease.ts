import { randomUUID } from 'node:crypto';
import { buckets } from '@tranship/contracts';
import { Bucket } from './bucket.ts';
import type { Connection, Time } from './connection.ts';

interface Claim {
  readonly holder: string;
  readonly ttlMs: number;
}
/** What a claimant saw of another's claim, and since when nothing moved. */
interface Sight {
  readonly revision: number;
  readonly at: number;
}

/** One thing that one process at a time may do. */
export interface Lease {
  /** Grows from holder to holder: who is asked by two of them heeds the higher. */
  readonly token: number;
  /** Before this moment nobody else can have it. */
  until(): number;
  /** False: it is another's now. */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Leases: a claim is another's to take when it was not renewed for as long as it is good, by the clock of who waits. So clocks
 * need not agree, only run at the same pace.
 */
export class Leases {
  readonly #bucket: Bucket<Claim>;
  readonly #clock: Time;
  readonly #me = randomUUID();
  readonly #seen = new Map<string, Sight>();

  constructor(connection: Connection) {
    this.#bucket = new Bucket(connection, buckets.leases);
    this.#clock = connection.clock;
  }

  /** Undefined while it is another's. */
  async acquire(name: string, ttlMs: number): Promise<Lease | undefined> {
    const { value, revision } = await this.#bucket.get(name);
    if (value && value.holder !== this.#me && !this.#expired(name, value, revision)) return undefined;
    const claim = { holder: this.#me, ttlMs };
    let until = this.#clock.now() + ttlMs;
    const token = await this.#bucket.put([name], claim, revision);
    if (token === undefined) return undefined;
    let last = token;
    return {
      token,
      until: () => until,
      renew: async () => {
        const began = this.#clock.now();
        const next = await this.#bucket.put([name], claim, last);
        if (next === undefined) return false;
        last = next;
        until = began + ttlMs;
        return true;
      },
      release: async () => void (await this.#bucket.put([name], null, last)),
    };
  }

  /**
   * Does `work` whenever the lease is ours, until `signal` aborts; the work's signal aborts in time before another may begin.
   * Work that ends by itself is begun again at the next turn; its throw is thrown on.
   */
  async hold(
    name: string,
    ttlMs: number,
    work: (signal: AbortSignal, token: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const lease = await this.acquire(name, ttlMs).catch(() => undefined);
      if (lease) await this.#during(lease, ttlMs, work, signal);
      await this.#clock.sleep(ttlMs / 3, signal).catch(() => {});
    }
  }

  async #during(
    lease: Lease,
    ttlMs: number,
    work: (signal: AbortSignal, token: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const working = work(both, lease.token).finally(() => end.abort());
    working.catch(() => {}); // heard below
    const margin = ttlMs / 6;
    while (!both.aborted) {
      await this.#clock.sleep(ttlMs / 6, both).catch(() => {});
      if (both.aborted) break;
      // A server that does not answer: the claim may still be ours, until it is too late.
      const ours = await this.#inTime(lease, margin);
      if (!ours) end.abort(new Error('the lease is lost'));
    }
    try {
      await working;
    } finally {
      await lease.release().catch(() => {});
    }
  }

  /** Renews; gives up when the lease's end is near. */
  async #inTime(lease: Lease, margin: number): Promise<boolean> {
    const rest = lease.until() - margin - this.#clock.now();
    if (rest <= 0) return false;
    const renewed = lease.renew().catch(() => true);
    return Promise.race([renewed, this.#clock.sleep(rest).then(() => false)]);
  }

  #expired(name: string, { ttlMs }: Claim, revision: number): boolean {
    const now = this.#clock.now();
    const sight = this.#seen.get(name);
    if (sight?.revision === revision) return now - sight.at >= ttlMs;
    this.#seen.set(name, { revision, at: now });
    return false;
  }
}

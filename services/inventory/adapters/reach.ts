import { BusConflict } from '@tranship/bus';
import { subjects, type TranshipEvent } from '@tranship/contracts';
import { errorFields, type Kit } from '@tranship/service-kit';

export type Reached = Extract<TranshipEvent, { type: 'provider.ready' | 'provider.lost' }>;

/** A replica that stops renewing is followed by another within this time. */
const leaseMs = 15_000;
/** What could not be written is tried again this often. */
const againMs = 5_000;

/** Whether a provider is reached, as the log says it; the one replica that holds its lease writes what it sees itself. */
export class Reach {
  readonly #kit: Kit;
  readonly #name: string;
  #written: Reached['type'] | undefined;
  #seen: Reached | undefined;
  #owner = false;
  #writing = Promise.resolve();

  constructor(kit: Kit, name: string) {
    this.#kit = kit;
    this.#name = name;
  }

  get written(): Reached['type'] | undefined {
    return this.#written;
  }

  /** From the log. */
  fold(type: Reached['type']): void {
    this.#written = type;
  }

  /** By this replica's own session. */
  see(event: Reached): void {
    this.#seen = event;
    this.#write();
  }

  /** Owns the provider whenever its lease is ours, until the signal aborts. */
  async own(signal: AbortSignal): Promise<void> {
    const { leases } = this.#kit.bus;
    await leases.hold(`provider.${this.#name}`, leaseMs, (held) => this.#serve(held), signal);
  }

  async #serve(signal: AbortSignal): Promise<void> {
    this.#owner = true;
    while (!signal.aborted) {
      this.#write();
      await this.#kit.clock.sleep(againMs, signal).catch(() => {});
    }
    this.#owner = false;
  }

  /** One after the other: the second finds what the first wrote. */
  #write(): void {
    this.#writing = this.#writing.then(() => this.#append());
  }

  async #append(): Promise<void> {
    const event = this.#seen;
    if (!this.#owner || !event || event.type === this.#written) return;
    const { bus, clock, log } = this.#kit;
    const subject = subjects.event('provider', this.#name);
    try {
      const { events, seq } = await bus.events.readSubject(subject);
      const last = events.findLast(({ type }) => type === 'provider.ready' || type === 'provider.lost');
      // What the log says already need not be said again, by whomever it was said.
      if (last?.type !== event.type && events.at(-1)?.type !== 'provider.removed')
        await bus.events.append(subject, [event], seq, {
          source: 'tranship/inventory',
          time: new Date(clock.now()),
        });
      this.#written = event.type;
    } catch (error) {
      if (!(error instanceof BusConflict))
        log.warn({ provider: this.#name, ...errorFields(error) }, 'the state of the provider could not be written');
    }
  }
}

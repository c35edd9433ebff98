import { BusConflict, type StoredEvent } from '@tranship/bus';
import { fromToken, type Provider, subjects, TranshipError, type TranshipEvent } from '@tranship/contracts';
import { errorFields, type Kit } from '@tranship/service-kit';
import { VCenter } from './vcenter.ts';

interface Entry {
  readonly center: VCenter;
  readonly stop: AbortController;
}
type Reach = 'provider.ready' | 'provider.lost';

/** All providers, by the fold of their events; each vCenter is followed while its provider stands. */
export class Providers {
  readonly #kit: Kit;
  readonly #entries = new Map<string, Entry>();
  readonly #reach = new Map<string, Reach>();
  caughtUp = false;

  constructor(kit: Kit) {
    this.#kit = kit;
  }

  /** @throws TranshipError document.not-found */
  find(name: string): VCenter {
    const entry = this.#entries.get(name);
    if (!entry) throw new TranshipError('document.not-found', `there is no provider ${name}`);
    return entry.center;
  }

  /** The same, with its model whole. @throws TranshipError service.unavailable while it is being read */
  synced(name: string): VCenter {
    const center = this.find(name);
    if (!center.ready)
      throw new TranshipError(
        'service.unavailable',
        `the inventory of ${name} is not read yet (state: ${this.#reach.get(name) ?? 'connecting'})`,
      );
    return center;
  }

  list(): Provider[] {
    return [...this.#entries.values()].map(({ center }) => this.describe(center.provider));
  }

  describe(provider: Provider): Provider {
    const { name } = provider.metadata;
    const state = this.#entries.get(name)?.center.ready
      ? 'ready'
      : this.#reach.get(name) === 'provider.lost'
        ? 'lost'
        : 'connecting';
    return { ...provider, status: { state } };
  }

  /** Folds provider events and starts or ends what they ask for, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    await this.#kit.bus.events.follow(
      subjects.events('provider'),
      1,
      (event) => this.#fold(event, signal),
      signal,
      () => {
        this.caughtUp = true;
      },
    );
  }

  async append(name: string, event: TranshipEvent, expected?: number): Promise<void> {
    const subject = subjects.event('provider', name);
    const seq = expected ?? (await this.#kit.bus.events.readSubject(subject)).seq;
    await this.#kit.bus.events.append(subject, [event], seq, {
      source: 'tranship/inventory',
      time: new Date(this.#kit.clock.now()),
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((name) => this.#end(name)));
  }

  async #fold(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const name = fromToken(event.subject.split('.')[4]!);
    if (event.type === 'provider.added') {
      const provider = event.data as Provider;
      const before = this.#entries.get(name)?.center.provider;
      if (before && JSON.stringify(before.spec) === JSON.stringify(provider.spec)) return;
      await this.#end(name);
      if (provider.spec.type === 'vsphere') this.#begin(provider, signal);
    } else if (event.type === 'provider.removed') await this.#end(name);
    else this.#reach.set(name, event.type as Reach);
  }

  #begin(provider: Provider, signal: AbortSignal): void {
    const stop = new AbortController();
    const center = new VCenter(provider, (name) => this.#kit.query('readSecret', { name }), this.#kit.clock);
    this.#entries.set(provider.metadata.name, { center, stop });
    void this.#keep(center, AbortSignal.any([signal, stop.signal]));
  }

  async #end(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    entry?.stop.abort(new Error('the provider is gone'));
    await entry?.center.client.close();
  }

  /** Follows one vCenter for ever: a lost session is opened again, with back-off; only changes of state are events. */
  async #keep(center: VCenter, signal: AbortSignal): Promise<void> {
    const { name } = center.provider.metadata;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await center.follow(signal, () => {
          failures = 0;
          void this.#say(name, center, undefined);
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#kit.log.warn({ provider: name, ...errorFields(error) }, 'the vCenter is lost; it is tried again');
        // A session that merely ended is opened again without a word.
        if (failures > 0 || TranshipError.from(error).code !== 'vsphere.session') {
          center.ready = false;
          await this.#say(name, center, TranshipError.from(error));
        }
      }
      failures += 1;
      await this.#kit.clock.sleep(Math.min(250 * 2 ** failures, 30_000), signal).catch(() => {});
    }
  }

  async #say(name: string, center: VCenter, error: TranshipError | undefined): Promise<void> {
    const state: Reach = error ? 'provider.lost' : 'provider.ready';
    if (this.#reach.get(name) === state) return;
    this.#reach.set(name, state);
    const event: TranshipEvent = error
      ? { type: 'provider.lost', data: { error: error.toProblem() } }
      : {
          type: 'provider.ready',
          data: { apiVersion: (await center.client.about()).apiVersion, vms: center.model.vms().length },
        };
    // Another replica may have said the same first.
    await this.append(name, event).catch((reason: unknown) => {
      if (!(reason instanceof BusConflict))
        this.#kit.log.warn(errorFields(reason), 'the state of the provider could not be written');
    });
  }
}

import type { StoredEvent } from '@tranship/bus';
import { fromToken, type Provider, subjects, TranshipError } from '@tranship/contracts';
import { errorFields, type Kit } from '@tranship/service-kit';
import { foldStored, nothing, type Stored } from '../domain/stored.ts';
import { Reach, type Reached } from './reach.ts';
import { VCenter } from './vcenter.ts';

interface Entry {
  readonly center: VCenter;
  readonly stop: AbortController;
  readonly reach: Reach;
}

/** All providers, by the fold of their events; each vCenter is followed while its provider stands. */
export class Providers {
  readonly #kit: Kit;
  readonly #stored = new Map<string, Stored>();
  readonly #entries = new Map<string, Entry>();
  caughtUp = false;

  constructor(kit: Kit) {
    this.#kit = kit;
  }

  /** @throws TranshipError document.not-found */
  find(name: string): VCenter {
    const entry = this.#entries.get(name);
    if (!entry && !this.caughtUp) throw new TranshipError('service.unavailable', 'the providers are still being read');
    if (!entry) throw new TranshipError('document.not-found', `there is no provider ${name}`);
    return entry.center;
  }

  /** The same, with its model whole. @throws TranshipError service.unavailable while it is being read */
  synced(name: string): VCenter {
    const center = this.find(name);
    if (!center.ready)
      throw new TranshipError(
        'service.unavailable',
        `the inventory of ${name} is not read yet (state: ${this.#state(name)})`,
      );
    return center;
  }

  list(): Provider[] {
    return [...this.#entries.values()].map(({ center }) => this.describe(center.provider));
  }

  describe(provider: Provider): Provider {
    return { ...provider, status: { state: this.#state(provider.metadata.name) } };
  }

  #state(name: string): 'ready' | 'lost' | 'connecting' {
    const entry = this.#entries.get(name);
    return entry?.center.ready ? 'ready' : entry?.reach.written === 'provider.lost' ? 'lost' : 'connecting';
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

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((name) => this.#end(name)));
  }

  async #fold(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const name = fromToken(event.subject.split('.')[4]!);
    const { type } = event;
    if (type === 'provider.ready' || type === 'provider.lost') return this.#entries.get(name)?.reach.fold(type);
    const stored = foldStored(this.#stored.get(name) ?? nothing, event);
    this.#stored.set(name, stored);
    const { provider } = stored;
    const center = this.#entries.get(name)?.center;
    if (center && provider && JSON.stringify(center.provider.spec) === JSON.stringify(provider.spec)) {
      center.provider = provider;
      return;
    }
    await this.#end(name);
    if (provider) this.#begin(provider, signal);
  }

  #begin(provider: Provider, signal: AbortSignal): void {
    const { name } = provider.metadata;
    const stop = new AbortController();
    const { clock, log } = this.#kit;
    const login = (secret: string) => this.#kit.query('readSecret', { name: secret });
    const center = new VCenter(provider, login, clock, log);
    const reach = new Reach(this.#kit, name);
    this.#entries.set(name, { center, stop, reach });
    const both = AbortSignal.any([signal, stop.signal]);
    void this.#keep(center, reach, both);
    void reach.own(both);
  }

  async #end(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    entry?.stop.abort(new Error('the provider is gone'));
    await entry?.center.client.close();
  }

  /** Follows one vCenter for ever: a lost session is opened again, with back-off. */
  async #keep(center: VCenter, reach: Reach, signal: AbortSignal): Promise<void> {
    const { name } = center.provider.metadata;
    for (let failures = 0; !signal.aborted; ) {
      try {
        // Asked before: what fails here fails the session, and is tried again as it is.
        const { apiVersion } = await center.client.about();
        await center.follow(signal, () => {
          failures = 0;
          reach.see({ type: 'provider.ready', data: { apiVersion, vms: center.model.vms().length } });
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#kit.log.warn({ provider: name, ...errorFields(error) }, 'the vCenter is lost; it is tried again');
        // A session that merely ended is opened again without a word.
        if (failures > 0 || TranshipError.from(error).code !== 'vsphere.session') {
          center.ready = false;
          reach.see(lost(error));
        }
      }
      failures += 1;
      await this.#kit.clock.sleep(Math.min(250 * 2 ** failures, 30_000), signal).catch(() => {});
    }
  }
}

const lost = (error: unknown): Reached => ({
  type: 'provider.lost',
  data: { error: TranshipError.from(error).toProblem() },
});

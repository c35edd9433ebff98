import { type Latency, type Provider, type Room, type SourceVm, TranshipError } from '@tranship/contracts';
import type { Clock, Logger } from '@tranship/service-kit';
import { type Login, type Operation, type Param, type Ref, VSphere } from '@tranship/vsphere';
import { followed, Model, type Update } from '../domain/model.ts';
import { type Datastore, datastoreOf, datastoresOf, roomFor } from '../domain/room.ts';
import { newestStart, type Start, starts } from '../domain/starts.ts';
import { changeWindow, snapshotsIn, trackedDisks } from '../domain/tracking.ts';
import { many, object, truth } from '../domain/vim.ts';
import type { Source, VmNow } from '../ports.ts';
import { Latencies } from './latency.ts';

const taskMs = 300_000;
/** Merging a snapshot's files may take as long as the datastore likes. */
const mergeMs = 23 * 3_600_000;
const lookAt = ['config.hardware.device', 'config.changeTrackingEnabled', 'snapshot', 'runtime.consolidationNeeded'];
const everyMs = 500;
const gib = 1024 ** 3;
const snapshotRef = (snapshot: string): Ref => ({ type: 'VirtualMachineSnapshot', value: snapshot });
const ref = (vm: string): Ref => ({ type: 'VirtualMachine', value: vm });

/** One provider, connected: its live model, and the actions at it. */
export class VCenter implements Source {
  /** Its spec never changes: another spec is another VCenter. */
  provider: Provider;
  readonly client: VSphere;
  readonly #clock: Clock;
  readonly #latencies: Latencies;
  /** The last whole state; while a session is opened anew it stands as it is. */
  model = new Model();
  /** The model is whole, and followed. */
  ready = false;

  constructor(provider: Provider, login: (secret: string) => Promise<Login>, clock: Clock, log: Logger) {
    this.provider = provider;
    this.#clock = clock;
    const { url, tls, credentials } = provider.spec;
    this.client = new VSphere({ url, trust: tls, login: () => login(credentials.secret) });
    this.#latencies = new Latencies(this.client, (why) =>
      log.warn(
        { provider: provider.metadata.name, why },
        'how long datastores take to answer is not known: no copy is slowed',
      ),
    );
  }

  /** Keeps the model current until the signal aborts, or throws when the session is lost. */
  async follow(signal: AbortSignal, caughtUp: () => void): Promise<void> {
    const model = new Model();
    for await (const updates of this.client.follow(followed, signal)) {
      model.apply(updates as Update[]);
      if (updates.length > 0 || this.model === model) continue;
      this.model = model;
      this.ready = true;
      caughtUp();
    }
  }

  async power(vm: string): Promise<{ powerState: 'poweredOn' | 'poweredOff' | 'suspended'; toolsRunning: boolean }> {
    const [read] = await this.client.read([ref(vm)], ['runtime.powerState', 'guest.toolsRunningStatus']);
    if (!read) throw new TranshipError('vsphere.not-found', `${vm} is not in ${this.provider.metadata.name}`);
    return {
      powerState: read.properties['runtime.powerState'] as 'poweredOn',
      toolsRunning: read.properties['guest.toolsRunningStatus'] === 'guestToolsRunning',
    };
  }

  async lastStart(vm: string): Promise<Start | undefined> {
    return newestStart(await this.client.events(ref(vm), starts));
  }

  async shutdownGuest(vm: string): Promise<void> {
    await this.client.call(ref(vm), 'ShutdownGuest');
  }

  async powerOff(vm: string): Promise<void> {
    await this.#task(ref(vm), 'PowerOffVM_Task');
  }

  async powerOn(vm: string): Promise<void> {
    await this.#task(ref(vm), 'PowerOnVM_Task');
  }

  async look(vm: string): Promise<VmNow> {
    const [read] = await this.client.read([ref(vm)], lookAt);
    if (!read) throw new TranshipError('vsphere.not-found', `${vm} is not in ${this.provider.metadata.name}`);
    const { properties } = read;
    return {
      disks: trackedDisks(properties['config.hardware.device']),
      tracking: truth(properties['config.changeTrackingEnabled']),
      snapshots: snapshotsIn(object(properties.snapshot)?.rootSnapshotList),
      consolidationNeeded: truth(properties['runtime.consolidationNeeded']),
    };
  }

  async rooms(vms: readonly string[]): Promise<Room[]> {
    const found = this.#known(vms);
    const stores = storesOf(found);
    // By itself vCenter looks only now and then. Where it cannot look just now, what it knows must do.
    await Promise.all(stores.map((store) => this.client.call(store, 'RefreshDatastore').catch(tolerateFault)));
    const all = await this.#summaries(stores);
    const needBytes = this.provider.spec.limits.minFreeGB * gib;
    return found.flatMap((vm) => roomFor(vm, all, needBytes) ?? []);
  }

  async latencies(vms: readonly string[]): Promise<Latency[]> {
    const { maxLatencyMs } = this.provider.spec.limits;
    if (!maxLatencyMs) return [];
    const found = this.#known(vms);
    return this.#latencies.of(found, await this.#summaries(storesOf(found)), maxLatencyMs);
  }

  #known = (vms: readonly string[]) => this.model.vms().filter(({ id }) => vms.includes(id));

  async #summaries(stores: readonly Ref[]): Promise<Datastore[]> {
    const read = stores.length === 0 ? [] : await this.client.read(stores, ['summary']);
    return read.map(({ ref: { value }, properties }) => datastoreOf(value, properties.summary));
  }

  async idle(vm: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const [read] = await this.client.read([ref(vm)], ['recentTask']);
      const tasks = many(read?.properties.recentTask) as unknown as Ref[];
      const states = tasks.length === 0 ? [] : await this.client.read(tasks, ['info.state']);
      if (!states.some(({ properties }) => /^(running|queued)$/.test(String(properties['info.state'])))) return;
      await this.#clock.sleep(everyMs, signal);
    }
  }

  async setTracking(vm: string, on: boolean): Promise<void> {
    await this.#task(ref(vm), 'ReconfigVM_Task', { spec: { changeTrackingEnabled: on } });
  }

  async createSnapshot(vm: string, name: string, signal: AbortSignal): Promise<string> {
    const description = 'Made by Tranship for a migration; it is removed when the pass is over';
    const params = { name, description, memory: false, quiesce: false };
    const made = object(await this.#task(ref(vm), 'CreateSnapshot_Task', params, taskMs, signal));
    return String(made?.value);
  }

  async snapshotDisks(snapshot: string) {
    const [read] = await this.client.read([snapshotRef(snapshot)], ['config.hardware.device']);
    if (!read) throw new TranshipError('vsphere.not-found', `the snapshot ${snapshot} is gone`);
    return trackedDisks(read.properties['config.hardware.device']);
  }

  async removeSnapshot(snapshot: string, signal: AbortSignal): Promise<void> {
    const params = { removeChildren: false, consolidate: true };
    await this.#task(snapshotRef(snapshot), 'RemoveSnapshot_Task', params, mergeMs, signal);
  }

  async consolidate(vm: string, signal: AbortSignal): Promise<void> {
    await this.#task(ref(vm), 'ConsolidateVMDisks_Task', {}, mergeMs, signal);
  }

  async changedAreas(vm: string, { key, changeId, start, snapshot }: Parameters<Source['changedAreas']>[1]) {
    const of: Record<string, Param> = { deviceKey: key, startOffset: start, changeId };
    const params = snapshot === undefined ? of : { snapshot: snapshotRef(snapshot), ...of };
    return changeWindow(await this.client.call(ref(vm), 'QueryChangedDiskAreas', params));
  }

  #task(
    on: Ref,
    operation: Operation,
    params: Readonly<Record<string, Param>> = {},
    deadlineMs = taskMs,
    signal?: AbortSignal,
  ) {
    return this.client.task(on, operation, params, deadlineMs, this.#clock, signal);
  }
}

const storesOf = (vms: readonly SourceVm[]): Ref[] =>
  [...new Set(vms.flatMap(datastoresOf))].map((value) => ({ type: 'Datastore', value }));

/** Also without the right to. */
function tolerateFault(error: unknown): void {
  if (!/^vsphere\.(fault|denied)$/.test(TranshipError.from(error).code)) throw error;
}

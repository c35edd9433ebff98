import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { type Provider, type StepResult, TranshipError } from '@tranship/contracts';
import { createLogger, type StepContext, systemClock } from '@tranship/service-kit';
import { VCenter } from '../../services/inventory/adapters/vcenter.ts';
import { findChanges, snapshot } from '../../services/inventory/handlers/points.ts';
import { removeSnapshot } from '../../services/inventory/handlers/tidy.ts';
import { Bench } from '../../services/transfer/testing/bench.ts';

type Found = StepResult<'snapshot'> | StepResult<'findChanges'>;
/** What a pass came to, and what vCenter said before it. */
export interface Passed {
  readonly found: Found['disks'][number];
  readonly copied: StepResult<'copy'>['disks'][number];
}
export interface Asked {
  /** Share of the leaves called unchanged that are read all the same. */
  readonly audit?: number;
  /** Without a proof of what it wrote. */
  readonly unproven?: boolean;
  /** Before its snapshot is removed. */
  readonly meanwhile?: () => Promise<void>;
}

export const leaf = 65_536;
export const signal = new AbortController().signal;
const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  signal,
  log: createLogger('e2e', 'silent'),
  clock: systemClock,
  begun: false,
  progress: () => {},
  moved: () => {},
};

/** Warm passes over VMs of one disk, by the steps of inventory and transfer as they are: vcsim, nbdkit, no planner between them. */
export class Warm {
  readonly bench: Bench;
  readonly center: VCenter;
  readonly #following = new AbortController();
  #last: Found | undefined;
  #pass = 0;

  private constructor(bench: Bench) {
    this.bench = bench;
    const { url, thumbprint, username, password } = bench.vcenter;
    const spec = { type: 'vsphere', url, tls: { thumbprint }, credentials: { secret: 'vc' }, limits: { minFreeGB: 0 } };
    const provider = { metadata: { name: 'vc' }, spec } as unknown as Provider;
    this.center = new VCenter(provider, async () => ({ username, password }), systemClock, context.log);
  }

  static async start(spec: object): Promise<Warm> {
    const warm = new Warm(await Bench.start(spec));
    const caughtUp = Promise.withResolvers<void>();
    void warm.center.follow(warm.#following.signal, caughtUp.resolve).catch(caughtUp.reject);
    await caughtUp.promise;
    return warm;
  }

  async stop(): Promise<void> {
    this.#following.abort();
    await this.center.client.close();
    await this.bench.stop();
  }

  /** Another VM: nothing is copied yet. */
  async begin(): Promise<void> {
    this.bench.renew();
    await this.bench.look();
    [this.#last, this.#pass] = [undefined, 0];
  }

  /** A pass while the VM runs. */
  async pass(vm: string, { meanwhile, ...asked }: Asked = {}): Promise<Passed> {
    const name = `tranship-m-${vm}-${++this.#pass}`;
    const input = { ...this.#ids(vm), name, ...this.#since(vm) };
    const point = await snapshot(this.#world, input, context);
    const passed = await this.#copy(vm, point, asked, point.snapshot);
    await meanwhile?.();
    await removeSnapshot(this.#world.find, { ...this.#ids(vm), name }, context);
    return passed;
  }

  /** The last one, of the VM that is off by now. */
  async final(vm: string, asked: Asked = {}): Promise<Passed> {
    this.#pass++;
    return this.#copy(vm, await findChanges(this.#world, { ...this.#ids(vm), ...this.#since(vm) }, context), asked);
  }

  /** The guest writes a little into each of these leaves, where its disk lies now; new bytes each time. */
  async writes(vm: string, leaves: readonly number[]): Promise<void> {
    await this.bench.look();
    const file = openSync(this.bench.source(vm), 'r+');
    for (const each of leaves) writeSync(file, `${vm} ${each} ${Math.random()}`, each * leaf + 4096);
    closeSync(file);
  }

  /** How many of these leaves are not the source's on the target. */
  async different(vm: string, leaves: readonly number[]): Promise<number> {
    await this.bench.look();
    const files = [this.bench.source(vm), this.bench.target()].map((path) => openSync(path, 'r'));
    const [a, b] = [Buffer.alloc(leaf), Buffer.alloc(leaf)];
    const differs = leaves.filter((each) => {
      readSync(files[0]!, a, 0, leaf, each * leaf);
      readSync(files[1]!, b, 0, leaf, each * leaf);
      return !a.equals(b);
    });
    for (const file of files) closeSync(file);
    return differs.length;
  }

  readonly #world = { find: () => this.center, keep: async (text: string) => text };
  #ids = (vm: string) => ({ migration: 'm', vm: this.bench.id(vm), provider: 'vc' });

  #since(vm: string) {
    const key = this.bench.key(vm);
    const changeId = this.#last?.disks.find((disk) => disk.key === key)?.changeId;
    const disks = [{ key, sizeBytes: this.bench.size(vm), ...(changeId === undefined ? {} : { changeId }) }];
    return { disks, ...(this.#last ? { foreign: this.#last.foreign } : {}) };
  }

  /** As the planner has it: no areas are no delta. */
  async #copy(vm: string, point: Found, { audit = 0.01, unproven = false }: Asked, at?: string): Promise<Passed> {
    const [found] = point.disks;
    if (!found) throw new TranshipError('service.internal', 'a point without its disk');
    const { file, areas, changeId } = found;
    const how = this.#last === undefined ? 'full' : areas === undefined ? 'compare' : 'delta';
    this.#last = point;
    const disk = {
      how,
      file,
      ...(areas === undefined ? {} : { areas }),
      ...(changeId === undefined ? {} : { changeId }),
    } as const;
    const asked = { pass: this.#pass, audit, disk, ...(at === undefined ? {} : { snapshot: at }) } as const;
    const { disks } = await this.bench.copy(vm, signal, asked);
    if (!unproven) await this.bench.prove(vm, this.#pass);
    return { found, copied: disks[0]! };
  }
}

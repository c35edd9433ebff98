import { readFileSync } from 'node:fs';
import {
  type MigrationStatus,
  migrationSchema,
  type SourceVm,
  sourceVmSchema,
  type VmEventType,
} from '@tranship/contracts';
import { z } from 'zod';
import { Api } from '../cli/api.ts';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import type { DiskReads } from '../lab/node/meter.ts';
import { Product } from '../lab/product.ts';
import { type Lab, runningLab } from '../lab/state.ts';

const any = z.any();
const timeline = z.object({ items: z.array(z.object({ type: z.string(), time: z.string(), data: z.any() }).loose()) });
const everyMs = 100;

type OmitFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;
type PlanVm = Record<string, unknown> & { name: string };

/** What the stories share: Tranship running against the lab, spoken to through its REST API alone. */
export class Story {
  readonly lab: Lab;
  readonly api: Api;
  readonly #product: Product | undefined;

  private constructor(lab: Lab, api: Api, product?: Product) {
    this.lab = lab;
    this.api = api;
    this.#product = product;
  }

  /** The services as processes of this machine. */
  static async begin(...more: OmitFirst<Parameters<typeof Product.start>>): Promise<Story> {
    const lab = runningLab();
    if (!lab) throw new Error('no lab is running');
    const product = await Product.start(lab, ...more);
    const api = new Api({ server: product.url, token: readFileSync(product.tokenFile, 'utf8') });
    return new Story(lab, api, product).#ready();
  }

  /** Services that run already, wherever they are. */
  static at(lab: Lab, server: string, token: string): Promise<Story> {
    return new Story(lab, new Api({ server, token })).#ready();
  }

  get product(): Product {
    if (!this.#product) throw new Error('the services are not ours to stop');
    return this.#product;
  }

  async end(): Promise<void> {
    await this.#product?.stop();
  }

  async #ready(): Promise<Story> {
    // What stories before left in the target namespace.
    await kubectl(['delete', 'vm,pvc', '--all', '-n', 'apps', '--wait=false']);
    // A blank VM that runs hears no shutdown, and would be waited for for minutes.
    await kubectl(['delete', 'vmi,pod', '--all', '-n', 'apps', '--wait=false', '--grace-period=0', '--force']);
    await this.eventually(async () => (await kubectlJson(['get', 'vm,pvc', '-n', 'apps'])).items.length === 0, 240);
    await this.eventually(() => this.addProvider('vc1').then(() => true));
    await this.eventually(async () => (await this.vms()).length > 0);
    return this;
  }

  /** Stores credential and provider: the lab's vCenter but for what is given. */
  async addProvider(
    name: string,
    other: { password?: string; url?: string; tls?: object; limits?: object; transfer?: object } = {},
  ): Promise<void> {
    const { username, passwordFile, url, caFile, thumbprint } = this.lab.vcsim;
    const password = other.password ?? readFileSync(passwordFile, 'utf8');
    await this.api.send('POST', ['secrets'], any, { body: { name, username, password } });
    const tls = { ca: readFileSync(caFile, 'utf8'), thumbprint };
    const spec = { type: 'vsphere', url, credentials: { secret: name }, tls, ...other, password: undefined };
    await this.api.send('PUT', ['providers', name], any, { body: document('Provider', name, spec) });
  }

  /** Stores a plan that moves these VMs cold. */
  async plan(
    name: string,
    vms: PlanVm[],
    more: Record<string, unknown> = {},
    storage: { storageClass: string; volumeMode?: 'Block'; discard?: boolean } = { storageClass: 'fast' },
  ): Promise<void> {
    const network = { type: 'multus', name: 'apps/vlan21' };
    const spec = {
      source: 'vc1',
      target: { provider: 'host', namespace: 'apps' },
      type: 'cold',
      networkMap: { entries: ['VM Network', 'vlan21'].map((each) => ({ source: { name: each }, target: network })) },
      storageMap: { entries: [{ source: { name: 'fast-ds' }, target: storage }] },
      vms,
      ...more,
    };
    await this.api.send('PUT', ['plans', name], any, { body: document('Plan', name, spec) });
  }

  async start(plan: string): Promise<string> {
    const { migration } = await this.api.send('POST', ['plans', plan, 'start'], z.object({ migration: z.string() }));
    return migration;
  }

  status(migration: string): Promise<MigrationStatus> {
    return this.api.get(['migrations', migration], migrationSchema);
  }

  /** Waits for the end; the state with the reason, so that a failing assertion tells it. */
  async finished(migration: string, seconds = 240): Promise<MigrationStatus> {
    let last: MigrationStatus | undefined;
    await this.eventually(async () => {
      last = await this.status(migration).catch(() => last);
      return last !== undefined && last.state !== 'running';
    }, seconds);
    return last!;
  }

  /** Waits until a VM's log holds the event. */
  async happened(migration: string, type: VmEventType, seconds = 120): Promise<void> {
    await this.eventually(async () => (await this.types(migration)).includes(type), seconds);
  }

  async timeline(migration: string): Promise<z.infer<typeof timeline>['items']> {
    return (await this.api.get(['migrations', migration, 'timeline'], timeline)).items;
  }

  async types(migration: string): Promise<string[]> {
    return (await this.timeline(migration)).map(({ type }) => type);
  }

  /** Where a source's live disks lie on this machine, in the VM's order. */
  async disks(vm: string): Promise<{ path: string }[]> {
    const answer = await fetch(`${this.lab.vcsim.control}/disks`, { signal: AbortSignal.timeout(10_000) });
    const all = (await answer.json()) as { vm: string; path: string; snapshot?: string }[];
    return all.filter((disk) => disk.vm === vm && disk.snapshot === undefined);
  }

  /** What nbdkits were asked for since the lab began, by their own counters. */
  async reads(): Promise<DiskReads[]> {
    const answer = await fetch(this.lab.vcsim.meter, { signal: AbortSignal.timeout(10_000) });
    return (await answer.json()) as DiskReads[];
  }

  async eventually(ask: () => Promise<boolean>, seconds = 60): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      if (await ask().catch(() => false)) return;
      await new Promise((done) => setTimeout(done, everyMs));
    }
    throw new Error(`not so within ${seconds} s: ${ask}`);
  }

  /** The lab's door to vCenter's other side: faults, sessions, power. */
  async control(path: string, body?: unknown, method: 'POST' | 'DELETE' = 'POST'): Promise<void> {
    const init = {
      method,
      signal: AbortSignal.timeout(60_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const answer = await fetch(`${this.lab.vcsim.control}${path}`, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }

  /** Somebody switches the VM in vCenter; returns when the inventory has seen it. */
  async power(vm: string, state: 'on' | 'off'): Promise<void> {
    await this.control(`/power/${state}?vm=${vm}`);
    const wanted = state === 'on' ? 'poweredOn' : 'poweredOff';
    await this.eventually(async () =>
      (await this.vms()).some((each) => each.name === vm && each.powerState === wanted),
    );
  }

  vms(): Promise<SourceVm[]> {
    return this.api.list(['providers', 'vc1', 'inventory', 'vms'], sourceVmSchema);
  }

  /** What of ours is left in Tranship's own namespace. */
  async leftovers(): Promise<string[]> {
    const { items } = await kubectlJson(['get', 'pvc,job,pod', '-n', 'tranship-work']);
    return items.map(({ kind, metadata }: { kind: string; metadata: { name: string } }) => `${kind} ${metadata.name}`);
  }
}

const document = (kind: string, name: string, spec: unknown) => ({
  apiVersion: 'tranship.dev/v1',
  kind,
  metadata: { name },
  spec,
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StepInput, TargetDisk, TargetVm } from '@tranship/contracts';
import { Cluster, type KubeObject } from '@tranship/kube';
import { createLogger, type StepContext, systemClock } from '@tranship/service-kit';
import { Provisioner } from '../../../lab/cluster/provisioner.ts';
import { type ControlPlane, kubevirtDefinitions, startControlPlane } from '../../../lab/testing/control-plane.ts';
import { configSchema } from '../config.ts';
import { selector } from '../domain/names.ts';
import { prepare } from '../handlers/prepare.ts';
import type { Target } from '../ports.ts';
import { connection, disk, targetVm } from './fixtures.ts';

const deploy = fileURLToPath(new URL('../../../deploy/kubernetes', import.meta.url));
const controllers = [
  'job-controller',
  'persistentvolume-binder-controller',
  'persistentvolumeclaim-protection-controller',
  'persistentvolume-protection-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
];
export const apps = 'apps';
export const work = 'tranship-work';
let names = 0;

export type Course = StepInput<'handOver'>;

export const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  ...{ signal: new AbortController().signal, log: createLogger('test', 'silent'), clock: systemClock, begun: false },
  progress: () => {},
  moved: () => {},
};

/** Asks until there is an answer; the test fails when there is none in time. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; ; await systemClock.sleep(25)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
  }
}

/** A VM's course of its own, with names that no other test has. */
export function course(disks: readonly TargetDisk[] = [disk(0)], more: Partial<TargetVm> = {}): Course {
  const n = ++names;
  const target = targetVm({ name: `web-${n}`, namespace: apps, disks: [...disks], ...more });
  return { migration: `shop-${n}`, vm: `vm-${n}`, workbench: `tranship-shop-${n}-vm-${n}`, target };
}

/** What `prepare` is asked for. */
export const asked = (input: Course, more: Partial<StepInput<'prepare'>> = {}): StepInput<'prepare'> => ({
  ...{ ...input, connection, grade: 'standard', rehearse: false, ran: false },
  ...more,
});

/** What `create` is asked for; `proof`: what stands for it, 64 hex digits. */
export const proven = (input: Course, proof = 'ab'.repeat(32)): StepInput<'create'> => ({ ...input, proof });

/** A target cluster with volumes and controllers, without nodes: what a kubelet would do to pods is done by `runs` and `ends`. */
export class World {
  readonly plane: ControlPlane;
  readonly cluster: Cluster;
  readonly target: Target;
  /** Whose commands were purged, and whose objects: `<service> <migration> <vm>`. */
  readonly purged: string[] = [];
  /** The pods in which a half has let go of the disks: `<service> <migration> <vm>`. */
  readonly closed = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #provisioning: Promise<void>;

  private constructor(plane: ControlPlane) {
    this.plane = plane;
    this.cluster = Cluster.open(plane.kubeconfig);
    this.target = {
      sourceOff: async () => {},
      cluster: this.cluster,
      commands: { purge: async (...of) => void this.purged.push(of.join(' ')) },
      workbenches: { close: async (...of) => this.closed.get(of.join(' ')) },
      objects: {
        prune: async ({ migration, vm }) => {
          this.purged.push(`objects ${migration} ${vm}`);
          return [];
        },
      },
      config: configSchema.parse({ scratchStorageClass: 'fast', prepareSeconds: 30 }),
    };
    this.#provisioning = new Provisioner(plane.kubeconfig, join(plane.dir, 'volumes')).run(this.#stop.signal);
  }

  static async start(): Promise<World> {
    const kinds = await kubevirtDefinitions('virtualmachines', 'virtualmachineinstances');
    const world = new World(await startControlPlane(controllers, kinds));
    const { cluster } = world;
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: apps } });
    for (const name of ['namespaces.yaml', 'access.yaml']) await world.plane.kubectl('apply', '-f', join(deploy, name));
    const classes = [
      ['fast', 'lab.tranship.dev/local', 'Immediate'],
      ['later', 'kubernetes.io/no-provisioner', 'WaitForFirstConsumer'],
      ['silent', 'nobody.example.com', 'Immediate'],
    ] as const;
    for (const [name, provisioner, volumeBindingMode] of classes) {
      const apiVersion = 'storage.k8s.io/v1';
      await cluster.apply({ apiVersion, kind: 'StorageClass', metadata: { name }, provisioner, volumeBindingMode });
    }
    return world;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#provisioning;
    await this.plane.stop();
  }

  /** Prepares a course, with its pod on a node; gives the names of the disks' volumes. */
  async prepared(input: Course, rehearse = false): Promise<{ volumes: string[]; pod: string }> {
    const preparing = prepare(this.target, asked(input, { rehearse }), context);
    const [{ pvcs, pod }] = await Promise.all([preparing, this.runs(input)]);
    const volumes = await Promise.all(pvcs.map(async ({ name }) => (await this.claim(name, work))?.spec.volumeName));
    return { volumes, pod };
  }

  claim(name: string, namespace: string): Promise<KubeObject | undefined> {
    return this.cluster.get('PersistentVolumeClaim', name, namespace);
  }

  pod(input: Course): Promise<KubeObject | undefined> {
    return this.cluster.list('Pod', work, { labels: selector(input) }).then(([pod]) => pod);
  }

  /** The pod comes onto a node as soon as its volumes are bound, with its containers in this state. */
  async runs(input: Course, state: object = { running: {} }): Promise<void> {
    const labels = selector(input);
    await until('its volumes are bound', async () => {
      const claims = await this.cluster.list('PersistentVolumeClaim', work, { labels });
      return claims.length > input.target.disks.length && claims.every(({ status }) => status?.phase === 'Bound');
    });
    const { name } = (await until('the workbench’s pod', () => this.pod(input))).metadata;
    const file = join(this.plane.dir, `${name}.json`);
    const node = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: node }));
    await this.plane.kubectl('create', '--raw', `/api/v1/namespaces/${work}/pods/${name}/binding`, '-f', file);
    const ready = 'running' in state;
    const container = { image: 'tranship', imageID: '', ready, restartCount: 0, state };
    const phase = ready ? 'Running' : 'Pending';
    const containerStatuses = ['transfer', 'converter'].map((each) => ({ name: each, ...container }));
    const patch = JSON.stringify({ status: { phase, containerStatuses } });
    await this.plane.kubectl('patch', 'pod', name, '-n', work, '--subresource=status', '--type=merge', '-p', patch);
  }

  /** These halves of the workbench say that they have no disk open, in that pod. */
  lets(input: Course, pod: string, ...services: ('transfer' | 'converter')[]): void {
    for (const service of services) this.closed.set(`${service} ${input.migration} ${input.vm}`, pod);
  }

  /** The node has seen the pod's end: only then does the API let it go. */
  async ends(input: Course): Promise<void> {
    const leaving = async () => {
      const pod = await this.pod(input);
      return pod?.metadata.deletionTimestamp ? pod.metadata.name : undefined;
    };
    const name = await until('the pod is asked to end', leaving);
    await this.plane.kubectl('delete', 'pod', name, '-n', work, '--force', '--grace-period=0', '--wait=false');
  }

  /** Every object of this VM that there is, as `Kind name`. */
  async ours(input: Course): Promise<string[]> {
    const labels = selector(input);
    const kinds = ['Job', 'Pod', 'PersistentVolumeClaim', 'VirtualMachine'] as const;
    const found = await Promise.all(kinds.map((kind) => this.cluster.list(kind, undefined, { labels })));
    return found.flatMap((objects, i) => objects.map(({ metadata }) => `${kinds[i]} ${metadata.name}`)).sort();
  }
}

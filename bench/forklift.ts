import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Range } from '@tranship/blocks';
import { providerSchema } from '@tranship/contracts';
import { createLogger, systemClock } from '@tranship/service-kit';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import type { Lab } from '../lab/state.ts';
import { VCenter } from '../services/inventory/adapters/vcenter.ts';
import type { ImporterErrand } from './forklift-importer.ts';

/**
 * Forklift's warm cutover, its steps replayed on the lab. Its controller looks at a plan every 3 s and runs ONE phase of a VM each
 * time; a phase that waits looks, and looks again 3 s later. The phases are those of its migrator between the power-off and the
 * VirtualMachine, in its order, and each does its work on the same vCenter and the same cluster as ours: the snapshot of the pass
 * before is removed and the last one taken with the VM off, an importer pod for the disk reads the changed areas one request at a
 * time, the VirtualMachine is created to run. In its favour: the power-off waits for no guest; the conversion, where there is one,
 * is virt-v2v-in-place alone, without the pod that it needs; the importer's pod is asked for by the phase itself, without
 * CDI's controller in between; no session is opened anew at each look; there is one VM, one disk, and no other plan.
 */
const loopMs = 3_000;
const namespace = 'apps';
const pictureName = 'forklift-migration-precopy';
const bound = 400;

interface Vm {
  readonly id: string;
  readonly name: string;
}

export class ForkliftReplay {
  readonly #lab: Lab;
  readonly #vm: Vm;
  readonly #center: VCenter;
  #snapshot = '';
  #changeId = '';
  #importers = 0;

  constructor(lab: Lab, vm: Vm) {
    this.#lab = lab;
    this.#vm = vm;
    const { url, caFile, thumbprint, username, passwordFile } = lab.vcsim;
    const tls = { ca: readFileSync(caFile, 'utf8'), thumbprint };
    const spec = { type: 'vsphere', url, credentials: { secret: 'vc1' }, tls };
    const provider = { apiVersion: 'tranship.dev/v1', kind: 'Provider', metadata: { name: 'vc1' }, spec };
    const login = async () => ({ username, password: readFileSync(passwordFile, 'utf8') });
    this.#center = new VCenter(providerSchema.parse(provider), login, systemClock, createLogger('forklift', 'silent'));
  }

  /** All up to the cutover, which nobody measures: tracking on, the first snapshot, its bytes in the claim. */
  async precopy(): Promise<void> {
    const { id } = this.#vm;
    await this.#center.setTracking(id, true);
    this.#snapshot = await this.#center.createSnapshot(id, pictureName, AbortSignal.timeout(60_000));
    const [disk] = await this.#center.snapshotDisks(this.#snapshot);
    this.#changeId = disk!.changeId ?? '';
    await apply(...files(), secret(this.#lab), claim(this.claim, disk!.sizeBytes));
    await this.#import([[0, disk!.sizeBytes]]);
    for (let i = 0; i < bound && !(await this.#imported()); i++) await sleep(500);
  }

  /**
   * From the order to power off to the order to run the target, milliseconds. `convert`: what its two phases run; the guest has
   * shut down by itself then, and the clock begins with it off.
   */
  async cutover(convert?: () => Promise<unknown>): Promise<number> {
    const { id } = this.#vm;
    let task = '';
    const ended = async () => (await this.#state(task)) === 'success';
    const start = async (
      on: { type: string; value: string },
      what: Parameters<VCenter['client']['call']>[1],
      params = {},
    ) => {
      task = String(((await this.#center.client.call(on, what, params)) as { value?: unknown } | undefined)?.value);
      return true;
    };
    const vm = { type: 'VirtualMachine', value: id };
    const picture = () => ({ type: 'VirtualMachineSnapshot', value: this.#snapshot });
    const removal = { removeChildren: false, consolidate: true };
    const taking = { name: pictureName, description: '', memory: false, quiesce: true };
    const powerOffPhases = [
      () => start(vm, 'PowerOffVM_Task'),
      async () => (await this.#center.power(id)).powerState === 'poweredOff',
    ];
    let conversion: Promise<unknown> | undefined;
    let converted = false;
    const conversionPhases = [
      async () => {
        conversion = convert!().finally(() => {
          converted = true;
        });
        conversion.catch(() => {});
        return true;
      }, // CreateGuestConversionPod
      async () => converted && conversion!.then(() => true), // ConvertGuest
    ];
    // Each: its work of one look, and whether the next look is the next phase's.
    const phases: readonly (() => Promise<boolean>)[] = [
      ...(convert ? [] : powerOffPhases),
      () => start(picture(), 'RemoveSnapshot_Task', removal), // RemovePenultimateSnapshot
      ended,
      () => start(vm, 'CreateSnapshot_Task', taking), // CreateFinalSnapshot
      ended,
      async () => this.#finalCheckpoint(),
      () => this.#imported(), // Finalize
      () => start(picture(), 'RemoveSnapshot_Task', removal), // RemoveFinalSnapshot
      ...(convert ? conversionPhases : []),
      () => apply(machine(this.#vm.name, this.claim)).then(() => true), // CreateVM
    ];
    const began = performance.now();
    let phase = 0;
    for (let look = 0; look < bound; look++) {
      const due = began + look * loopMs - performance.now();
      if (due > 0) await sleep(due);
      if (!(await phases[phase]!())) continue;
      phase += 1;
      if (phase === phases.length) return performance.now() - began;
    }
    throw new Error(`the replay stands at phase ${phase}`);
  }

  /** Through its tools, as long as that takes: nobody measures it. */
  async shutDown(): Promise<void> {
    await this.#center.client.call({ type: 'VirtualMachine', value: this.#vm.id }, 'ShutdownGuest', {});
    for (let i = 0; i < bound; i++) {
      if ((await this.#center.power(this.#vm.id)).powerState === 'poweredOff') return;
      await sleep(1_000);
    }
    throw new Error(`${this.#vm.name} did not shut down`);
  }

  get claim(): string {
    return `forklift-${this.#vm.name}`;
  }

  async end(): Promise<void> {
    await this.#center.client.close();
  }

  async #state(task: string): Promise<unknown> {
    const [read] = await this.#center.client.read([{ type: 'Task', value: task }], ['info.state']);
    return read?.properties['info.state'];
  }

  /** AddFinalCheckpoint: what changed since the snapshot before, and a pod that copies it. */
  async #finalCheckpoint(): Promise<boolean> {
    const { id } = this.#vm;
    const now = await this.#center.look(id);
    this.#snapshot = now.snapshots.find(({ name }) => name === pictureName)!.id;
    const [disk] = await this.#center.snapshotDisks(this.#snapshot);
    const areas: Range[] = [];
    for (let start = 0; start < disk!.sizeBytes; ) {
      const of = { key: disk!.key, changeId: this.#changeId, start, snapshot: this.#snapshot };
      const window = await this.#center.changedAreas(id, of);
      areas.push(...window.areas.map(([offset, length]) => [offset, length] as const));
      start = window.start + window.length;
    }
    await this.#import(areas);
    return true;
  }

  async #import(ranges: readonly Range[]): Promise<void> {
    const [disk] = await this.#center.snapshotDisks(this.#snapshot);
    const { url, thumbprint, username } = this.#lab.vcsim;
    const errand: ImporterErrand = {
      source: {
        ...{ plugin: 'vddk', libdir: '/opt/vmware-vix-disklib-distrib', url, username, thumbprint },
        ...{ passwordFile: '/credentials/password', vm: this.#vm.id, snapshot: this.#snapshot, file: disk!.file },
      },
      sizeBytes: disk!.sizeBytes,
      ranges,
    };
    this.#importers += 1;
    await apply(importer(`${this.claim}-${this.#importers}`, this.claim, errand));
  }

  async #imported(): Promise<boolean> {
    const { status } = await kubectlJson(['get', 'pod', `${this.claim}-${this.#importers}`, '-n', namespace]);
    if (status.phase === 'Failed') throw new Error(`the importer of ${this.#vm.name} failed`);
    return status.phase === 'Succeeded';
  }
}

const apply = (...items: object[]) =>
  kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

const object = (apiVersion: string, kind: string, name: string, more: object) => ({
  ...{ apiVersion, kind, metadata: { name, namespace } },
  ...more,
});

const scripts = ['forklift-importer.ts', 'one-in-flight.ts'] as const;
const text = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');

const files = () => [
  object('v1', 'ConfigMap', 'forklift-importer', {
    data: Object.fromEntries(scripts.map((name) => [name, text(name)])),
  }),
];

const secret = ({ vcsim }: Lab) =>
  object('v1', 'Secret', 'forklift-vcenter', { stringData: { password: readFileSync(vcsim.passwordFile, 'utf8') } });

const claim = (name: string, bytes: number) =>
  object('v1', 'PersistentVolumeClaim', name, {
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fast',
      resources: { requests: { storage: `${Math.ceil((bytes * 1.055) / 1024 ** 2)}Mi` } },
    },
  });

/** As CDI's: a pod for one disk and one checkpoint. */
const importer = (name: string, volume: string, errand: ImporterErrand) =>
  object('v1', 'Pod', name, {
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 107, runAsGroup: 107, fsGroup: 107 },
      containers: [
        {
          ...{ name: 'importer', image: 'lab.local/tranship:1', imagePullPolicy: 'IfNotPresent', workingDir: '/app' },
          command: ['node', 'bench/forklift-importer.ts', JSON.stringify(errand)],
          volumeMounts: [
            { name: 'disk', mountPath: '/disk' },
            { name: 'credentials', mountPath: '/credentials', readOnly: true },
            ...scripts.map((script) => ({ name: 'scripts', mountPath: `/app/bench/${script}`, subPath: script })),
          ],
        },
      ],
      volumes: [
        { name: 'disk', persistentVolumeClaim: { claimName: volume } },
        { name: 'credentials', secret: { secretName: 'forklift-vcenter' } },
        { name: 'scripts', configMap: { name: 'forklift-importer' } },
      ],
    },
  });

const machine = (name: string, volume: string) => ({
  ...object('kubevirt.io/v1', 'VirtualMachine', name, {
    spec: {
      runStrategy: 'Always',
      template: {
        spec: {
          domain: {
            memory: { guest: '512Mi' },
            devices: { disks: [{ name: 'disk-0', disk: { bus: 'virtio' } }] },
          },
          volumes: [{ name: 'disk-0', persistentVolumeClaim: { claimName: volume } }],
        },
      },
    },
  }),
});

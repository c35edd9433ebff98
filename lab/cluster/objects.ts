import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inWorkbench } from '@tranship/contracts';
import { until } from '../node/part.ts';
import type { Settings } from '../node/settings.ts';
import { natsPassword } from '../node/vsphere.ts';
import { run } from '../setup/shell.ts';
import type { World } from '../world/schema.ts';
import { kubectl } from './control-plane.ts';

type Json = Record<string, unknown>;
const list = (items: Json[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const namespace = (name: string, labels: Record<string, string> = {}): Json => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

/** Namespaces that VMs may move into. */
export const targetLabel = 'lab.tranship.dev/target';

const nadDefinition: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'network-attachment-definitions.k8s.cni.cncf.io' },
  spec: {
    group: 'k8s.cni.cncf.io',
    scope: 'Namespaced',
    names: {
      plural: 'network-attachment-definitions',
      singular: 'network-attachment-definition',
      kind: 'NetworkAttachmentDefinition',
      shortNames: ['net-attach-def'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { config: { type: 'string' } } } },
          },
        },
      },
    ],
  },
};

/** KubeVirt's own resource; its settings count only once its status has a phase, which virt-operator would write. */
const kubevirt: Json = {
  apiVersion: 'kubevirt.io/v1',
  kind: 'KubeVirt',
  metadata: { name: 'kubevirt', namespace: 'kubevirt' },
  spec: { configuration: { developerConfiguration: { useEmulation: true } } },
};

/** Definitions and KubeVirt's resource: before any of its pods. */
export async function createDefinitions(settings: Settings): Promise<void> {
  const apply = (args: string[], input?: string) => kubectl(settings, args, input);
  await apply(['create', '--validate=false', '-f', join(settings.dir, 'manifests/crds.json')]);
  await apply(['create', '--validate=false', '-f', '-'], list([nadDefinition, namespace('kubevirt')]));
  const created = await until(
    () => apply(['create', '--validate=false', '-f', '-'], JSON.stringify(kubevirt)).then(() => true),
    60_000,
  );
  if (!created) throw new Error('the KubeVirt resource could not be created');
  // A definition counts only once discovery tells it.
  const known = await until(() => apply(['get', 'network-attachment-definitions', '-A']).then(() => true), 60_000);
  if (!known) throw new Error('networks are not known to the cluster');
  const status = { status: { phase: 'Deployed', defaultArchitecture: 'amd64' } };
  await apply([
    'patch',
    'kubevirt',
    'kubevirt',
    '-n',
    'kubevirt',
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify(status),
  ]);
}

/** KubeVirt's roles, secrets, deployments and webhooks. */
export async function createKubevirt(settings: Settings): Promise<void> {
  await until(() => kubectl(settings, ['get', 'serviceaccount', 'default', '-n', 'kubevirt']).then(() => true), 20_000);
  for (const name of ['objects', 'hooks'])
    await kubectl(settings, ['create', '--validate=false', '-f', join(settings.dir, `manifests/${name}.json`)]);
}

/** Namespaces, storage classes and networks of the world. */
export async function createWorld(settings: Settings, world: World): Promise<void> {
  const { storageClasses, networks } = world.spec.cluster;
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const spaces = new Set(['apps', ...networks.map(({ name }) => name.split('/')[0]!)]);
  const items: Json[] = [
    namespace('tranship', restricted),
    namespace('tranship-work', restricted),
    // How workbenches log in at NATS: an administrator of the target makes it.
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tranship-nats', namespace: 'tranship-work' },
      stringData: Object.fromEntries(
        inWorkbench.map((user) => [user, readFileSync(natsPassword(settings.dir, user), 'utf8')]),
      ),
    },
    ...[...spaces].map((name) => namespace(name, { [targetLabel]: 'true' })),
    ...storageClasses.map((each) => ({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: each.name,
        annotations: each.default ? { 'storageclass.kubernetes.io/is-default-class': 'true' } : {},
      },
      provisioner: 'lab.tranship.dev/local',
      parameters: {
        volumeMode: each.volumeMode,
        ...(each.capacityGB === undefined ? {} : { capacityGB: String(each.capacityGB) }),
      },
      volumeBindingMode: each.binding,
      reclaimPolicy: 'Delete',
    })),
    ...networks.map(({ name }) => {
      const [space, own] = name.split('/') as [string, string];
      const config = JSON.stringify({ cniVersion: '0.4.0', name: own, type: 'bridge', bridge: 'lan0', ipam: {} });
      return {
        apiVersion: 'k8s.cni.cncf.io/v1',
        kind: 'NetworkAttachmentDefinition',
        metadata: { name: own, namespace: space },
        spec: { config },
      };
    }),
  ];
  await kubectl(settings, ['create', '--validate=false', '-f', '-'], list(items));
}

export const importImages = async ({ dir, images }: Settings): Promise<void> => {
  for (const image of images)
    await run('ctr', ['-a', join(dir, 'containerd.sock'), '-n', 'k8s.io', 'images', 'import', image], {
      deadlineMs: 300_000,
    });
};

/** The node counts as ready, with the room that the kubelet cannot measure here. */
export async function awaitNode(settings: Settings): Promise<void> {
  const ready = async () => / Ready/.test(await kubectl(settings, ['get', 'node', 'lab', '--no-headers']));
  if (!(await until(ready, 60_000))) throw new Error('the node did not become ready: see kubelet.log');
  const room = { 'ephemeral-storage': '40Gi' };
  await kubectl(settings, [
    'patch',
    'node',
    'lab',
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status: { capacity: room, allocatable: room } }),
  ]);
}

/** A bound against hanging: on a machine that is busy with much else it has taken four times as long as alone. */
const kubevirtMs = 300_000;

export async function awaitKubevirt(settings: Settings): Promise<void> {
  for (const name of ['virt-api', 'virt-controller', 'virt-handler']) {
    const ready = async () =>
      / 1\/1 /.test(
        await kubectl(settings, ['get', 'pod', '-n', 'kubevirt', '-l', `kubevirt.io=${name}`, '--no-headers']),
      );
    if (!(await until(ready, kubevirtMs)))
      throw new Error(`${name} did not become ready: lab kubectl -n kubevirt describe pods`);
  }
}

import type { Connection, TargetDisk } from '@tranship/contracts';
import { rehearses, scratch, workDisk } from './names.ts';

/** QEMU's user in KubeVirt: what it writes, the VM's own pod may open. */
const qemu = 107;
/** What KubeVirt offers of each node with KVM. */
export const kvmDevice = 'devices.kubevirt.io/kvm';
/** Over a workbench's life, that end in whatever way. */
const mostPods = 100;

/** Writes and flushes that Node hands to the kernel at once; it would take four. */
const writers = 16;

export interface Workbench {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly migration: string;
  readonly vm: string;
  readonly image: string;
  readonly disks: readonly TargetDisk[];
  readonly connection: Connection;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** `namespace/name` of the attachment by which it reaches the source. */
  readonly transferNetwork?: string | undefined;
  readonly nats: { readonly url: string; readonly secret: string };
  /** The secret with the keys of the guest's encrypted volumes. */
  readonly luks?: string | undefined;
  /** A guest of so much memory is to be booted in it. */
  readonly rehearsal?: { readonly memoryMB: number; readonly kvm: boolean };
}

/** Both share the pod's address. */
const healthPorts: Readonly<Record<string, number>> = { transfer: 8081, converter: 8082 };

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

/** The Job whose pod has the disks in hand: transfer and converter, without any right, restarted where they fail. */
export function workbenchJob(bench: Workbench) {
  const { name, namespace, labels, disks, connection, luks, nodeSelector } = bench;
  const onFiles = disks.filter((disk) => disk.volumeMode === 'Filesystem');
  const onDevices = disks.filter((disk) => disk.volumeMode === 'Block');
  const credentials = {
    name: 'credentials',
    mountPath: `/etc/tranship/credentials/${connection.secret}`,
    readOnly: true,
  };
  const keys = luks === undefined ? [] : [{ name: 'luks', secret: { secretName: luks, defaultMode: ownersAlone } }];
  const keyMounts = keys.map(({ name }) => ({ name, mountPath: '/etc/tranship/luks', readOnly: true }));
  const container = (service: string, more: Mount[] = []) => ({
    name: service,
    image: bench.image,
    imagePullPolicy: 'IfNotPresent',
    workingDir: '/app',
    command: ['node', `services/${service}/main.ts`],
    env: environment(bench, service),
    readinessProbe: {
      httpGet: { path: '/readyz', port: healthPorts[service] },
      ...{ periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 3 },
    },
    volumeMounts: [
      { name: 'scratch', mountPath: '/scratch' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: `nats-${service}`, mountPath: '/etc/tranship/nats', readOnly: true },
      ...onFiles.map(({ index }) => ({ name: `disk-${index}`, mountPath: `/disks/${index}` })),
      ...more,
    ],
    volumeDevices: onDevices.map(({ index }) => ({ name: `disk-${index}`, devicePath: `/dev/disks/${index}` })),
    resources: resources(service === 'converter' ? bench : {}),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  });
  const pvc = (volume: string, claimName: string) => ({ name: volume, persistentVolumeClaim: { claimName } });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...{ name, namespace, labels: { ...labels } },
      ...(bench.rehearsal ? { annotations: { [rehearses]: 'true' } } : {}),
    },
    spec: {
      // One that ends in good order, as an evicted one does, is no reason to stop either.
      completions: mostPods,
      parallelism: 1,
      backoffLimit: mostPods,
      podReplacementPolicy: 'Failed', // never a second pod while the first may still write
      template: {
        metadata: { labels: { ...labels }, ...attachedTo(bench.transferNetwork) },
        spec: {
          restartPolicy: 'OnFailure',
          serviceAccountName: 'tranship-workbench', // deploy/kubernetes/access.yaml; it has no right
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 30,
          nodeSelector: { ...nodeSelector },
          securityContext: {
            runAsNonRoot: true,
            runAsUser: qemu,
            runAsGroup: qemu,
            fsGroup: qemu,
            fsGroupChangePolicy: 'OnRootMismatch',
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container('transfer', [credentials]), container('converter', keyMounts)],
          volumes: [
            pvc('scratch', scratch(name)),
            ...disks.map(({ index }) => pvc(`disk-${index}`, workDisk(name, index))),
            { name: 'tmp', emptyDir: {} },
            login(bench, 'transfer'),
            login(bench, 'converter'),
            { name: 'credentials', secret: { secretName: connection.secret } },
            ...keys,
          ],
        },
      },
    },
  };
}

/** A further interface; its routes are the attachment's own. NATS is reached by the network of all pods. */
function attachedTo(network: string | undefined) {
  if (network === undefined) return {};
  const [namespace, name] = network.split('/');
  return { annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify([{ name, namespace }]) } };
}

/** Beside the guest's own memory: QEMU itself, and the code that it translates where there is no KVM. */
const qemuMiB = 512;

/** What the making of a key from a passphrase takes, by cryptsetup's own bounds. */
const keyMiB = 1024;
/** Of the owner, root, and of the pod's group. */
const ownersAlone = 0o440;

function resources({ rehearsal: guest, luks }: Pick<Workbench, 'rehearsal' | 'luks'>) {
  const more = guest ? guest.memoryMB + qemuMiB : 0;
  const most = 1024 + more + (luks === undefined ? 0 : keyMiB);
  const device = guest?.kvm ? { [kvmDevice]: '1' } : {};
  return {
    requests: { cpu: '100m', memory: `${128 + more}Mi`, ...device },
    limits: { memory: `${most}Mi`, ...device },
  };
}

const encrypted = ({ nats }: Workbench) => nats.url.startsWith('tls://');

/** Each container sees its own password alone. */
const login = (bench: Workbench, service: string) => ({
  name: `nats-${service}`,
  secret: {
    secretName: bench.nats.secret,
    items: [{ key: service, path: 'password' }, ...(encrypted(bench) ? [{ key: 'ca.crt', path: 'ca.crt' }] : [])],
  },
});

const environment = (bench: Workbench, service: string) =>
  Object.entries({
    TRANSHIP_MIGRATION: bench.migration,
    TRANSHIP_VM: bench.vm,
    ...(service === 'converter' && bench.rehearsal
      ? { TRANSHIP_REHEARSAL_MEMORY_MB: String(bench.rehearsal.memoryMB) }
      : {}),
    ...(service === 'transfer' ? { UV_THREADPOOL_SIZE: String(writers) } : {}),
    TRANSHIP_HTTP_PORT: String(healthPorts[service]),
    TRANSHIP_NATS_URL: bench.nats.url,
    TRANSHIP_NATS_USER: service,
    TRANSHIP_NATS_PASSWORD_FILE: '/etc/tranship/nats/password',
    ...(encrypted(bench) ? { TRANSHIP_NATS_CA_FILE: '/etc/tranship/nats/ca.crt' } : {}),
  }).map(([name, value]) => ({ name, value }));

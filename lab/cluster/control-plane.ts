import { join } from 'node:path';
import type { PartSpec } from '../node/part.ts';
import type { Settings } from '../node/settings.ts';
import { run } from '../setup/shell.ts';

const controllers = [
  'job-controller',
  'persistentvolume-binder-controller',
  'persistentvolumeclaim-protection-controller',
  'persistentvolume-protection-controller',
  'namespace-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'ttl-after-finished-controller',
  'pod-garbage-collector-controller',
  'disruption-controller',
  'clusterrole-aggregation-controller',
  'node-lifecycle-controller',
  'taint-eviction-controller',
  'deployment-controller',
  'replicaset-controller',
  'daemonset-controller',
  'endpointslice-controller',
  'endpoints-controller',
];

const flags = (values: Record<string, string | true>) =>
  Object.entries(values).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));

export const server = (address: string): string => `https://${address}:6443`;

/** `lab kubectl` as the cluster's administrator. */
export const kubectl = (
  { bin, dir }: Pick<Settings, 'bin' | 'dir'>,
  args: readonly string[],
  input?: string,
): Promise<string> =>
  run(join(bin, 'lab'), ['kubectl', '--kubeconfig', join(dir, 'admin.kubeconfig'), ...args], {
    deadlineMs: 60_000,
    ...(input === undefined ? {} : { input }),
  });

export function etcd({ bin, dir }: Settings): PartSpec {
  const [client, peer] = ['http://127.0.0.1:2379', 'http://127.0.0.1:2380'];
  const values = {
    'data-dir': join(dir, 'etcd'),
    'unsafe-no-fsync': true as const, // the lab's cluster need not outlive the machine
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'log-level': 'warn',
  };
  return { name: 'etcd', command: [join(bin, 'lab'), 'etcd', ...flags(values)] };
}

export function apiserver(settings: Settings): PartSpec {
  const { bin, dir, address } = settings;
  const pki = (file: string) => join(dir, 'pki', file);
  const values = {
    'etcd-servers': 'http://127.0.0.1:2379',
    'cert-dir': join(dir, 'pki'),
    'bind-address': address,
    'advertise-address': address,
    'secure-port': '6443',
    'tls-cert-file': pki('apiserver.crt'),
    'tls-private-key-file': pki('apiserver.key'),
    'client-ca-file': pki('ca.crt'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': pki('sa.pub'),
    'service-account-signing-key-file': pki('sa.key'),
    'service-cluster-ip-range': '10.96.0.0/24',
    'kubelet-client-certificate': pki('apiserver-kubelet.crt'),
    'kubelet-client-key': pki('apiserver-kubelet.key'),
    'kubelet-certificate-authority': pki('ca.crt'),
    'kubelet-preferred-address-types': 'InternalIP',
    'proxy-client-cert-file': pki('front.crt'),
    'proxy-client-key-file': pki('front.key'),
    'requestheader-client-ca-file': pki('fp.crt'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'allow-privileged': true as const,
  };
  const ready = async () => (await kubectl(settings, ['get', '--raw', '/readyz'])) === 'ok';
  return { name: 'apiserver', command: [join(bin, 'lab'), 'apiserver', ...flags(values)], ready };
}

export function controllerManager({ bin, dir }: Settings): PartSpec {
  const values = {
    kubeconfig: join(dir, 'kcm.kubeconfig'),
    'authentication-kubeconfig': '',
    'leader-elect': 'false',
    'secure-port': '0',
    'use-service-account-credentials': 'false',
    'service-account-private-key-file': join(dir, 'pki/sa.key'),
    'root-ca-file': join(dir, 'pki/ca.crt'),
    controllers: controllers.join(),
  };
  return { name: 'controller-manager', command: [join(bin, 'lab'), 'controller-manager', ...flags(values)] };
}

export function scheduler({ bin, dir }: Settings): PartSpec {
  return {
    name: 'scheduler',
    command: [
      join(bin, 'lab'),
      'scheduler',
      ...flags({ kubeconfig: join(dir, 'admin.kubeconfig'), 'leader-elect': 'false', 'secure-port': '0' }),
    ],
  };
}

export function proxy({ address, bin, dir }: Settings): PartSpec {
  const values = {
    'proxy-mode': 'nftables',
    kubeconfig: join(dir, 'admin.kubeconfig'),
    'hostname-override': 'lab',
    'conntrack-max-per-core': '0',
    'conntrack-tcp-timeout-established': '0',
    'conntrack-tcp-timeout-close-wait': '0',
    'healthz-bind-address': '127.0.0.1:10256',
    'metrics-bind-address': '127.0.0.1:10249',
    'nodeport-addresses': `${address}/32`,
  };
  return { name: 'proxy', command: [join(bin, 'lab'), 'proxy', ...flags(values)] };
}

export function containerd({ dir }: Settings): PartSpec {
  const ready = () =>
    run('ctr', ['-a', join(dir, 'containerd.sock'), 'version'], { deadlineMs: 5_000 }).then(() => true);
  return { name: 'containerd', command: ['containerd', '-c', join(dir, 'containerd.toml')], ready };
}

export function kubelet({ bin, dir, address }: Settings): PartSpec {
  const values = {
    config: join(dir, 'kubelet.json'),
    kubeconfig: join(dir, 'node.kubeconfig'),
    'hostname-override': 'lab',
    'node-ip': address,
  };
  return { name: 'kubelet', command: [join(bin, 'lab'), 'kubelet', ...flags(values)] };
}

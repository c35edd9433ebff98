import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeconfig, makePki } from '../cluster/pki.ts';
import { Part, type PartSpec } from '../node/part.ts';
import { cached, hashOf } from '../setup/cache.ts';
import { labPrograms } from '../setup/go.ts';
import { kubevirtKey, kubevirtPrograms } from '../setup/kubevirt.ts';
import { run } from '../setup/shell.ts';
import { writeWhole } from '../state.ts';

/** A real apiserver with etcd and the controllers asked for, on ports of its own; there is no node. */
export interface ControlPlane {
  /** The administrator's kubeconfig file. */
  readonly kubeconfig: string;
  /** A folder that goes with it. */
  readonly dir: string;
  kubectl(...args: string[]): Promise<string>;
  /** A kubeconfig file with this bearer token. */
  withToken(token: string): string;
  stop(): Promise<void>;
}

const flags = (values: Record<string, string | true>) =>
  Object.entries(values).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));

/** `definitions` are there before the controllers, which look for new kinds only every 30 s. */
export async function startControlPlane(
  controllers: readonly string[] = [],
  definitions: readonly object[] = [],
): Promise<ControlPlane> {
  const lab = join(await labPrograms(), 'lab');
  const dir = mkdtempSync(join(tmpdir(), 'tranship-plane-'));
  const pki = (file: string) => join(dir, 'pki', file);
  for (const name of ['pki', 'log']) mkdirSync(join(dir, name));
  const [client, peer, secure] = (await freePorts(3)) as [number, number, number];
  const server = `https://127.0.0.1:${secure}`;
  const admin = join(dir, 'admin.kubeconfig');
  const kubectl = (...args: string[]) => run(lab, ['kubectl', '--kubeconfig', admin, ...args], { deadlineMs: 60_000 });
  const parts: Part[] = [];
  const start = (spec: PartSpec) => {
    const part = new Part(spec, join(dir, 'log'));
    parts.push(part);
    return part.start();
  };
  const stop = async () => {
    for (const part of parts.reverse()) await part.stop(500); // nothing of it is kept, so it need not drain
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await makePki(join(dir, 'pki'), '127.0.0.1');
    writeWhole(admin, kubeconfig(join(dir, 'pki'), server, { certificate: 'admin' }), 0o600);
    await start({ name: 'etcd', command: [lab, 'etcd', ...flags(etcd(join(dir, 'etcd'), client, peer))] });
    await start({
      name: 'apiserver',
      command: [lab, 'apiserver', ...flags(apiserver(pki, client, secure))],
      ready: async () => (await kubectl('get', '--raw', '/readyz')) === 'ok',
    });
    if (definitions.length > 0) {
      const file = join(dir, 'definitions.json');
      writeWhole(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: definitions }));
      await kubectl('apply', '--server-side', '-f', file);
      await kubectl('wait', '--for=condition=Established', '--timeout=30s', '-f', file);
    }
    if (controllers.length > 0) {
      const kcm = join(dir, 'kcm.kubeconfig');
      writeWhole(kcm, kubeconfig(join(dir, 'pki'), server, { certificate: 'kcm' }), 0o600);
      const command = [lab, 'controller-manager', ...flags(controllerManager(pki, kcm, controllers))] as const;
      await start({ name: 'controller-manager', command: [...command] });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const withToken = (token: string) => {
    const file = join(dir, `${crypto.randomUUID()}.kubeconfig`);
    writeWhole(file, kubeconfig(join(dir, 'pki'), server, { token }), 0o600);
    return file;
  };
  return { kubeconfig: admin, dir, kubectl, withToken, stop };
}

/** KubeVirt's definitions of these kinds, as its own operator would make them. */
export async function kubevirtDefinitions(...plurals: string[]): Promise<object[]> {
  const folder = await cached('kubevirt-crds', hashOf([await kubevirtKey()]), async (out) => {
    await run(join(await kubevirtPrograms(), 'kv'), ['manifests', '-host-dir', join(out, 'host'), '-out', out]);
  });
  const { items } = JSON.parse(readFileSync(join(folder, 'crds.json'), 'utf8')) as {
    items: { spec: { names: { plural: string } } }[];
  };
  return items.filter((each) => plurals.includes(each.spec.names.plural));
}

const etcd = (dataDir: string, client: number, peer: number) => ({
  'data-dir': dataDir,
  'unsafe-no-fsync': true as const,
  'listen-client-urls': `http://127.0.0.1:${client}`,
  'advertise-client-urls': `http://127.0.0.1:${client}`,
  'listen-peer-urls': `http://127.0.0.1:${peer}`,
  'initial-advertise-peer-urls': `http://127.0.0.1:${peer}`,
  'initial-cluster': `default=http://127.0.0.1:${peer}`,
  'log-level': 'warn',
});

const apiserver = (pki: (file: string) => string, etcdPort: number, port: number) => ({
  'etcd-servers': `http://127.0.0.1:${etcdPort}`,
  'cert-dir': pki(''),
  'bind-address': '127.0.0.1',
  'advertise-address': '127.0.0.1',
  'secure-port': String(port),
  'tls-cert-file': pki('apiserver.crt'),
  'tls-private-key-file': pki('apiserver.key'),
  'client-ca-file': pki('ca.crt'),
  'authorization-mode': 'RBAC',
  'service-account-issuer': 'https://kubernetes.default.svc',
  'service-account-key-file': pki('sa.pub'),
  'service-account-signing-key-file': pki('sa.key'),
  'service-cluster-ip-range': '10.96.0.0/24',
});

const controllerManager = (pki: (file: string) => string, config: string, controllers: readonly string[]) => ({
  kubeconfig: config,
  'authentication-kubeconfig': '',
  'leader-elect': 'false',
  'secure-port': '0',
  'use-service-account-credentials': 'false',
  'service-account-private-key-file': pki('sa.key'),
  'root-ca-file': pki('ca.crt'),
  controllers: controllers.join(),
});

/** Held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

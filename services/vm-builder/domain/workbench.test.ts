import { expect, test } from 'vitest';
import { connection, disk } from '../testing/fixtures.ts';
import { workbenchJob } from './workbench.ts';

const bench = {
  ...{ name: 'bench', namespace: 'work', labels: { a: 'b' }, migration: 'shop-1', vm: 'vm-7', image: 'tranship:1' },
  ...{ disks: [disk(0), disk(1, { volumeMode: 'Block' })], connection, nodeSelector: { zone: 'a' } },
  nats: { url: 'nats://n:4222', secret: 'bench-nats' },
};
const job = workbenchJob(bench);
const pod = job.spec.template.spec;
const container = (name: string) => pod.containers.find((each) => each.name === name)!;
const volume = (name: string) => pod.volumes.find((each) => each.name === name);

test('workbench - the pod is found by the Job’s marks, and runs where the plan says', () => {
  expect(job.metadata).toEqual({ name: 'bench', namespace: 'work', labels: { a: 'b' } });
  expect(job.spec.template.metadata.labels).toEqual({ a: 'b' });
  expect(pod.nodeSelector).toEqual({ zone: 'a' });
});

test('workbench - a transfer network is a further interface of its pod; without one nothing is said of networks', () => {
  expect(job.spec.template.metadata).not.toHaveProperty('annotations');
  const { metadata } = workbenchJob({ ...bench, transferNetwork: 'storage/esxi' }).spec.template;
  expect(metadata).toMatchObject({
    annotations: { 'k8s.v1.cni.cncf.io/networks': '[{"name":"esxi","namespace":"storage"}]' },
  });
});

test('workbench - never a second pod while the first may still write, and no right of its own', () => {
  expect(job.spec.podReplacementPolicy).toBe('Failed');
  expect(pod).toMatchObject({
    ...{ restartPolicy: 'OnFailure', serviceAccountName: 'tranship-workbench', automountServiceAccountToken: false },
  });
});

test('workbench - each container says by itself when it is ready, on a port of its own', () => {
  const ports = pod.containers.map(({ env, readinessProbe: { httpGet } }) => {
    expect(env).toContainEqual({ name: 'TRANSHIP_HTTP_PORT', value: String(httpGet.port) });
    return httpGet.port;
  });
  expect(new Set(ports).size).toBe(2);
});

test('workbench - a pod that ends is followed by another, in good order (evicted: its processes exit with 0) or not', () => {
  expect(job.spec).toMatchObject({ parallelism: 1, completions: 100, backoffLimit: 100 });
});

test('workbench - it fits the restricted Pod Security Standard, as the user that KubeVirt’s QEMU has', () => {
  expect(pod.securityContext).toMatchObject({
    ...{ runAsNonRoot: true, runAsUser: 107, runAsGroup: 107, fsGroup: 107 },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(pod.containers.map(({ name }) => name)).toEqual(['transfer', 'converter']);
  for (const { securityContext } of pod.containers)
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
});

test('workbench - the source’s credentials are with transfer alone, read-only', () => {
  const mounts = (name: string) => container(name).volumeMounts.filter((mount) => mount.name === 'credentials');
  expect(mounts('transfer')).toEqual([
    { name: 'credentials', mountPath: '/etc/tranship/credentials/vc-login', readOnly: true },
  ]);
  expect(mounts('converter')).toEqual([]);
  expect(volume('credentials')).toEqual({ name: 'credentials', secret: { secretName: 'vc-login' } });
});

test('workbench - keys of encrypted volumes are with converter alone, read-only, with the memory that trying them takes', () => {
  const keyed = workbenchJob({ ...bench, luks: 'web-keys' }).spec.template.spec;
  const [transfer, converter] = keyed.containers;
  const mount = { name: 'luks', mountPath: '/etc/tranship/luks', readOnly: true };
  expect(converter!.volumeMounts).toContainEqual(mount);
  expect(transfer!.volumeMounts.map(({ name }) => name)).not.toContain('luks');
  expect(keyed.volumes).toContainEqual({ name: 'luks', secret: { secretName: 'web-keys', defaultMode: 0o440 } });
  expect(JSON.stringify(keyed.containers.map(({ env, command }) => [env, command]))).not.toContain('web-keys');
  expect([transfer, converter].map((each) => each!.resources.limits.memory)).toEqual(['1024Mi', '2048Mi']);
  expect(volume('luks')).toBeUndefined();
});

test('workbench - no secret is in the environment: each has the password of its own NATS user as a file', () => {
  for (const { name: service, env, volumeMounts } of pod.containers) {
    expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toEqual({
      TRANSHIP_MIGRATION: 'shop-1',
      TRANSHIP_VM: 'vm-7',
      TRANSHIP_HTTP_PORT: expect.any(String),
      ...(service === 'transfer' ? { UV_THREADPOOL_SIZE: '16' } : {}),
      TRANSHIP_NATS_URL: 'nats://n:4222',
      TRANSHIP_NATS_USER: service,
      TRANSHIP_NATS_PASSWORD_FILE: '/etc/tranship/nats/password',
    });
    const name = `nats-${service}`;
    expect(volumeMounts.filter((mount) => mount.mountPath === '/etc/tranship/nats')).toEqual([
      { name, mountPath: '/etc/tranship/nats', readOnly: true },
    ]);
    const items = [{ key: service, path: 'password' }];
    expect(volume(name)).toEqual({ name, secret: { secretName: 'bench-nats', items } });
  }
});

test('workbench - an encrypted NATS is known by its authority, from the same secret', () => {
  const secured = workbenchJob({ ...bench, nats: { ...bench.nats, url: 'tls://n:4222' } }).spec.template.spec;
  for (const { env } of secured.containers)
    expect(env).toContainEqual({ name: 'TRANSHIP_NATS_CA_FILE', value: '/etc/tranship/nats/ca.crt' });
  const items = [
    { key: 'transfer', path: 'password' },
    { key: 'ca.crt', path: 'ca.crt' },
  ];
  expect(secured.volumes).toContainEqual({ name: 'nats-transfer', secret: { secretName: 'bench-nats', items } });
});

test.each(['transfer', 'converter'])('workbench - %s has file systems mounted and block volumes as devices', (name) => {
  const { volumeMounts, volumeDevices } = container(name);
  expect(volumeMounts.filter((mount) => mount.name.startsWith('disk-'))).toEqual([
    { name: 'disk-0', mountPath: '/disks/0' },
  ]);
  expect(volumeDevices).toEqual([{ name: 'disk-1', devicePath: '/dev/disks/1' }]);
});

test('workbench - each volume is the claim of ours for that disk', () => {
  const claims = pod.volumes.flatMap((each) =>
    'persistentVolumeClaim' in each ? [[each.name, each.persistentVolumeClaim.claimName]] : [],
  );
  expect(claims).toEqual([
    ['scratch', 'bench-scratch'],
    ['disk-0', 'bench-disk-0'],
    ['disk-1', 'bench-disk-1'],
  ]);
});

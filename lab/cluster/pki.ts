import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

async function authority(dir: string, name: string, subject: string): Promise<void> {
  await run('openssl', [
    'req',
    '-x509',
    ...ec,
    '-days',
    '3650',
    '-subj',
    `/CN=${subject}`,
    '-keyout',
    join(dir, `${name}.key`),
    '-out',
    join(dir, `${name}.crt`),
  ]);
}

interface Wanted {
  readonly name: string;
  readonly by: string;
  readonly subject: string;
  readonly usage: 'serverAuth' | 'clientAuth';
  readonly names?: string;
}

async function issue(dir: string, { name, by, subject, usage, names }: Wanted): Promise<void> {
  const path = (file: string) => join(dir, file);
  const extensions = `extendedKeyUsage=${usage}\n${names ? `subjectAltName=${names}\n` : ''}`;
  writeFileSync(path(`${name}.ext`), extensions);
  await run('openssl', ['req', ...ec, '-subj', subject, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)]);
  const sign = ['-CA', path(`${by}.crt`), '-CAkey', path(`${by}.key`), '-CAcreateserial', '-days', '3650'];
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    path(`${name}.csr`),
    ...sign,
    '-out',
    path(`${name}.crt`),
    '-extfile',
    path(`${name}.ext`),
  ]);
}

/** All certificates of the cluster, and of the vCenter. */
export async function makePki(dir: string, address: string): Promise<void> {
  await Promise.all([authority(dir, 'ca', 'lab-ca'), authority(dir, 'fp', 'front-proxy-ca')]);
  const api = ['127.0.0.1', '10.96.0.1', address].map((ip) => `IP:${ip}`);
  const names = [
    ...api,
    ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((dns) => `DNS:${dns}`),
  ].join();
  const all: Wanted[] = [
    { name: 'apiserver', by: 'ca', subject: '/CN=kube-apiserver', usage: 'serverAuth', names },
    { name: 'admin', by: 'ca', subject: '/O=system:masters/CN=admin', usage: 'clientAuth' },
    { name: 'kcm', by: 'ca', subject: '/O=system:masters/CN=system:kube-controller-manager', usage: 'clientAuth' },
    { name: 'node', by: 'ca', subject: '/O=system:nodes/CN=system:node:lab', usage: 'clientAuth' },
    { name: 'kubelet', by: 'ca', subject: '/CN=system:node:lab', usage: 'serverAuth', names: `IP:${address},DNS:lab` },
    {
      name: 'apiserver-kubelet',
      by: 'ca',
      subject: '/O=system:masters/CN=kube-apiserver-kubelet-client',
      usage: 'clientAuth',
    },
    { name: 'front', by: 'fp', subject: '/CN=front-proxy-client', usage: 'clientAuth' },
    {
      name: 'vcenter',
      by: 'ca',
      subject: '/CN=vcenter.lab',
      usage: 'serverAuth',
      names: `IP:${address},DNS:vcenter.lab`,
    },
  ];
  for (const wanted of all) await issue(dir, wanted);
  await run('openssl', ['genrsa', '-out', join(dir, 'sa.key'), '2048']);
  await run('openssl', ['rsa', '-in', join(dir, 'sa.key'), '-pubout', '-out', join(dir, 'sa.pub')]);
}

/** A kubeconfig that stands alone. `user`: a client certificate of the PKI, or a token. */
export function kubeconfig(pki: string, server: string, user: { certificate: string } | { token: string }): string {
  const base64 = (file: string) => readFileSync(join(pki, file)).toString('base64');
  const credentials =
    'token' in user
      ? { token: user.token }
      : {
          'client-certificate-data': base64(`${user.certificate}.crt`),
          'client-key-data': base64(`${user.certificate}.key`),
        };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': base64('ca.crt') } }],
    users: [{ name: 'user', user: credentials }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'user' } }],
    'current-context': 'lab',
  });
}

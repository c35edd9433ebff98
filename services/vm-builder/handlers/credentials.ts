import { type QueryParsed, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import type { Target } from '../ports.ts';

const mine = 'tranship.dev/credential';
const mark = { 'app.kubernetes.io/managed-by': 'tranship', [mine]: 'true' };

export const isCredential = ({ metadata }: KubeObject): boolean => metadata.labels?.[mine] === 'true';

/** Credentials of providers: secrets in Tranship's own namespace, where workbenches mount them. */
export function credentialQueries({ cluster, config: { workNamespace: namespace } }: Target) {
  return {
    putSecret: async ({ name, data }: QueryParsed<'putSecret'>) => {
      const there = await cluster.get('Secret', name, namespace);
      if (there && !isCredential(there))
        throw new TranshipError('target.exists', `Secret ${namespace}/${name} is no credential of Tranship`);
      await cluster.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels: mark },
        stringData: data,
      });
      return {};
    },
    readSecret: async ({ name }: QueryParsed<'readSecret'>) => {
      const secret = await cluster.get('Secret', name, namespace);
      if (!secret) throw new TranshipError('vsphere.login', `there is no secret ${namespace}/${name}`);
      // Whoever may store a provider names the secret: what others keep in this namespace is not to be had that way.
      if (!isCredential(secret))
        throw new TranshipError(
          'vsphere.login',
          `the secret ${namespace}/${name} is no credential: label ${mine}=true`,
        );
      const data = (secret.data ?? {}) as Record<string, string>;
      const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
      return { username: text('username'), password: text('password') };
    },
  };
}

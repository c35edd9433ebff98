import { type QueryParsed, TranshipError } from '@tranship/contracts';
import type { Target } from '../ports.ts';

const mark = { 'app.kubernetes.io/managed-by': 'tranship', 'tranship.dev/credential': 'true' };

/** Credentials of providers: secrets in Tranship's own namespace, where workbenches mount them. */
export function credentialQueries({ cluster, config: { workNamespace: namespace } }: Target) {
  return {
    putSecret: async ({ name, data }: QueryParsed<'putSecret'>) => {
      const there = await cluster.get('Secret', name, namespace);
      if (there && there.metadata.labels?.['tranship.dev/credential'] !== 'true')
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
      const data = (secret.data ?? {}) as Record<string, string>;
      const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
      return { username: text('username'), password: text('password') };
    },
  };
}

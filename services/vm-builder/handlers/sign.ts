import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { QueryParsed, QueryResult } from '@tranship/contracts';
import type { Target } from '../ports.ts';

const name = 'tranship-signing-key';
const labels = { 'app.kubernetes.io/managed-by': 'tranship' };

/** The installation's key lies in a secret of ours and never leaves this service: texts come here to be signed. */
export function signingQueries({ cluster, config: { workNamespace: namespace } }: Target) {
  const stored = async () => (await cluster.get('Secret', name, namespace))?.data as { key?: string } | undefined;
  const key = async () => {
    if (!(await stored())) {
      const { privateKey } = generateKeyPairSync('ed25519');
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      // Immutable: of two that make it at once, the first one's stands.
      const metadata = { name, namespace, labels };
      await cluster
        .apply({ apiVersion: 'v1', kind: 'Secret', metadata, immutable: true, stringData: { key: pem } })
        .catch(async (error: unknown) => {
          if (!(await stored())) throw error;
        });
    }
    return createPrivateKey(Buffer.from((await stored())?.key ?? '', 'base64'));
  };
  return {
    sign: async ({ text }: QueryParsed<'sign'>): Promise<QueryResult<'sign'>> => {
      const own = await key();
      const publicKey = createPublicKey(own).export({ type: 'spki', format: 'der' }).toString('base64');
      return { publicKey, signature: sign(null, Buffer.from(text), own).toString('base64') };
    },
  };
}

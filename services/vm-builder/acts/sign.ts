import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { type Signature, signedText } from '@tranship/contracts';
import type { Target } from '../ports.ts';

const name = 'tranship-signing-key';
const labels = { 'app.kubernetes.io/managed-by': 'tranship' };

/** The installation's signature of a proof, by its digest. The key lies in a secret of ours and never leaves this service. */
export async function signProof(target: Pick<Target, 'cluster' | 'config'>, sha256: string): Promise<Signature> {
  const key = await signingKey(target);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
  return { publicKey, signature: sign(null, Buffer.from(signedText(sha256)), key).toString('base64') };
}

async function signingKey({ cluster, config: { workNamespace: namespace } }: Pick<Target, 'cluster' | 'config'>) {
  const stored = async () => (await cluster.get('Secret', name, namespace))?.data as { key?: string } | undefined;
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
}

import type { KubeObject } from '@tranship/kube';
import { isCredential } from '../handlers/credentials.ts';
import type { Target } from '../ports.ts';

/** Why a secret gives no keys for encrypted volumes; undefined: it does. What it holds is told to nobody. */
export async function whyKeyless(
  { cluster, config: { workNamespace: namespace, workbenchNatsSecret } }: Pick<Target, 'cluster' | 'config'>,
  name: string,
): Promise<string | undefined> {
  const secret = await cluster.get('Secret', name, namespace);
  if (!secret) return `there is no Secret ${namespace}/${name}`;
  // Whoever may store a plan names the secret: what is Tranship's own is not for the half that looks into guests.
  if (isOurs(secret) || name === workbenchNatsSecret) return `the Secret ${namespace}/${name} is Tranship’s own`;
  if ((secret.type ?? 'Opaque') !== 'Opaque') return `the Secret ${namespace}/${name} is of type ${secret.type}`;
  return Object.keys(secret.data ?? {}).length === 0 ? `the Secret ${namespace}/${name} is empty` : undefined;
}

/** Logins of providers, and whatever else we made: the key that signs proofs. */
const isOurs = (secret: KubeObject) =>
  isCredential(secret) || secret.metadata.labels?.['app.kubernetes.io/managed-by'] === 'tranship';

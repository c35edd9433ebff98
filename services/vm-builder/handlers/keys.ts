import type { Target } from '../ports.ts';
import { isCredential } from './credentials.ts';

/** Why a secret gives no keys for encrypted volumes; undefined: it does. What it holds is told to nobody. */
export async function whyKeyless(
  { cluster, config: { workNamespace: namespace, workbenchNatsSecret } }: Pick<Target, 'cluster' | 'config'>,
  name: string,
): Promise<string | undefined> {
  const secret = await cluster.get('Secret', name, namespace);
  if (!secret) return `there is no Secret ${namespace}/${name}`;
  // Whoever may store a plan names the secret: Tranship's own logins are not for the half that looks into guests.
  if (isCredential(secret) || name === workbenchNatsSecret)
    return `the Secret ${namespace}/${name} holds a login of Tranship’s own`;
  return Object.keys(secret.data ?? {}).length === 0 ? `the Secret ${namespace}/${name} is empty` : undefined;
}

import { createHash } from 'node:crypto';

const digest = (text: string, length: number) => createHash('sha256').update(text).digest('hex').slice(0, length);

/** The stem of all our names on the target for one VM: DNS-1123, at most 45 characters, findable again. */
export function workbenchName(migration: string, vm: string): string {
  const plain = `tranship-${migration}-${vm}`.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  return plain.length <= 45 ? plain : `${plain.slice(0, 36).replace(/-+$/, '')}-${digest(plain, 8)}`;
}

/** The id of a plan's n-th migration, and of no other plan's; with an idempotency key always the same for the same key. */
export function migrationId(plan: string, n: number, key: string | undefined): string {
  const plain = plan.replace(/\./g, '-').slice(0, 40).replace(/-+$/, '');
  const stem = plain === plan ? plan : `${plain}-${digest(plan, 8)}`;
  return key === undefined ? `${stem}-${n}` : `${stem}-k${digest(key, 8)}`;
}

/** What vSphere calls a VM as Kubernetes would: lower case, other signs to dashes; `undefined` when nothing is left. */
export function kubernetesName(name: string): string | undefined {
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 63)
    .replace(/[^a-z0-9]+$/, '');
  return made === '' ? undefined : made;
}

/** Our snapshots of one VM begin with this; who finds one knows whose it is. */
export const snapshotPrefix = (migration: string, vm: string): string => `tranship-${migration}-${vm}-`;
export const snapshotName = (migration: string, vm: string, pass: number): string =>
  `${snapshotPrefix(migration, vm)}${pass}`;

import { TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import { selector } from '../domain/names.ts';
import type { Target } from '../ports.ts';

/** Why a workbench does not stand: an unbound volume first, then what the cluster says of the pod. */
export async function why(
  cluster: Target['cluster'],
  namespace: string,
  ids: { migration: string; vm: string },
  seconds: number,
): Promise<TranshipError> {
  const labels = selector(ids);
  const claims = await cluster.list('PersistentVolumeClaim', namespace, { labels });
  const pods = await cluster.list('Pod', namespace, { labels });
  const podSays = await said(cluster, namespace, pods[0]);
  const unbound = claims.find(({ status }) => status?.phase !== 'Bound');
  if (unbound) {
    const reason = (await said(cluster, namespace, unbound)) || podSays || 'the cluster gives no reason';
    return new TranshipError(
      'target.pvc-unbound',
      `PVC ${unbound.metadata.name} (class ${unbound.spec.storageClassName}) is not bound after ${seconds} s: ${reason}`,
    );
  }
  const waiting = (pods[0]?.status?.containerStatuses ?? [])
    .map(({ state }: { state?: { waiting?: { reason: string; message?: string } } }) => state?.waiting)
    .filter(Boolean)
    .map(({ reason, message }: { reason: string; message?: string }) => `${reason} ${message ?? ''}`.trim())
    .join('; ');
  const what = waiting || podSays || silent(pods[0]);
  return new TranshipError('target.workbench', `the workbench does not stand after ${seconds} s: ${what}`);
}

const silent = (pod: KubeObject | undefined): string => {
  if (!pod) return 'its pod was not made';
  return pod.status?.phase === 'Running' ? 'a service in it does not get ready' : 'the cluster gives no reason';
};

/** The latest warning of the cluster on an object. */
async function said(cluster: Target['cluster'], namespace: string, about: KubeObject | undefined): Promise<string> {
  if (!about) return '';
  const events = await cluster.list('Event', namespace, { fields: `involvedObject.name=${about.metadata.name}` });
  const latest = events
    .filter(({ type }) => type === 'Warning')
    .sort((a, b) => String(a.lastTimestamp ?? a.eventTime).localeCompare(String(b.lastTimestamp ?? b.eventTime)))
    .at(-1);
  return latest ? `${latest.reason}: ${latest.message}` : '';
}

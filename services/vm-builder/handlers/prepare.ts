import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { KubeObject } from '@tranship/kube';
import { poll, type StepContext } from '@tranship/service-kit';
import { marks, scratch, selector, workDisk } from '../domain/names.ts';
import { claim, diskClaim } from '../domain/volumes.ts';
import { workbenchJob } from '../domain/workbench.ts';
import type { Target } from '../ports.ts';
import { why } from './why.ts';

const everyMs = 250;
const gib = 1024 ** 3;

/** Volumes and workbench stand: its pod runs with both containers. */
export async function prepare(
  { cluster, config }: Target,
  { migration, vm, workbench, disks, connection, nodeSelector }: StepInput<'prepare'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'prepare'>> {
  const { workNamespace: namespace } = config;
  const labels = marks({ migration, vm });
  const space = {
    ...{ name: scratch(workbench), namespace, labels, storageClass: config.scratchStorageClass },
    ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bytes: config.scratchGB * gib } as const),
  };
  const claims = [
    claim(space),
    ...disks.map((disk) => diskClaim(disk, workDisk(workbench, disk.index), namespace, labels)),
  ];
  for (const each of claims)
    if (!(await cluster.get('PersistentVolumeClaim', each.metadata.name, namespace))) await cluster.apply(each);
  if (!(await cluster.get('Job', workbench, namespace))) {
    const nats = { url: config.workbenchNatsUrl, secret: config.workbenchNatsSecret };
    const image = config.workbenchImage;
    await cluster.apply(
      workbenchJob({ name: workbench, namespace, labels, migration, vm, image, disks, connection, nodeSelector, nats }),
    );
  }
  const standing = async () => {
    const pods = await cluster.list('Pod', namespace, { labels: selector({ migration, vm }) });
    return pods.find(runs);
  };
  const deadlineMs = config.prepareSeconds * 1000;
  const pod = await poll(standing, { everyMs, deadlineMs, clock, signal });
  if (!pod) throw await why(cluster, namespace, { migration, vm }, config.prepareSeconds);
  const pvcs = await Promise.all(
    disks.map(async ({ index }) => {
      const found = await cluster.get('PersistentVolumeClaim', workDisk(workbench, index), namespace);
      if (!found) throw new TranshipError('target.workbench', `the volume of disk ${index} went away`);
      return { index, name: found.metadata.name, uid: found.metadata.uid ?? '' };
    }),
  );
  return { pvcs, pod: pod.metadata.name };
}

function runs({ metadata, status }: KubeObject): boolean {
  const containers = (status?.containerStatuses ?? []) as { state?: { running?: object } }[];
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase === 'Running' &&
    containers.length > 0 &&
    containers.every(({ state }) => state?.running)
  );
}

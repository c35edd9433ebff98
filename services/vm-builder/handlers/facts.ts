import { type QueryParsed, type QueryResult, TranshipError } from '@tranship/contracts';
import type { Kind, KubeObject } from '@tranship/kube';
import { whyKeyless } from '../acts/keys.ts';
import { runs } from '../acts/runs.ts';
import { bench } from '../domain/bench.ts';
import { targetDisk } from '../domain/names.ts';
import { virtualMachine } from '../domain/virtual-machine.ts';
import { diskClaim } from '../domain/volumes.ts';
import type { Target } from '../ports.ts';

const mark = { 'app.kubernetes.io/managed-by': 'tranship' };

/** What the planner must know of the target, and what a plan would make there. */
export function factQueries({ cluster, config }: Target) {
  const names = async (kind: Kind, namespace?: string) =>
    (await cluster.list(kind, namespace)).map(({ metadata }) => metadata.name);
  return {
    targetFacts: async ({ namespace, secrets }: QueryParsed<'targetFacts'>): Promise<QueryResult<'targetFacts'>> => {
      const [storageClasses, namespaces, networks, vms, whys] = await Promise.all([
        names('StorageClass'),
        names('Namespace'),
        // A cluster without multus has none of these.
        cluster
          .list('NetworkAttachmentDefinition')
          .then((all) => all.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))
          .catch(none),
        names('VirtualMachine', namespace).catch(none),
        Promise.all(secrets.map((secret) => whyKeyless({ cluster, config }, secret))),
      ]);
      const keyless = secrets.flatMap((secret, i) => (whys[i] ? [{ secret, why: whys[i] }] : []));
      return { storageClasses, namespaces, networks, vms, keyless };
    },
    targetRuns: async (place: QueryParsed<'targetRuns'>): Promise<QueryResult<'targetRuns'>> => ({
      runs: await runs(cluster, place),
    }),
    previewPlan: async ({ targets, connection }: QueryParsed<'previewPlan'>): Promise<QueryResult<'previewPlan'>> => {
      const objects: KubeObject[] = targets.flatMap((target) => {
        const { name, namespace, disks } = target;
        const ids = { migration: 'preview', vm: name, workbench: `tranship-preview-${name}` };
        const { scratch, job } = bench(
          { ...ids, target, connection, grade: 'standard', rehearse: false, kvm: false },
          config,
        );
        const claims = disks.map((disk) => diskClaim(disk, targetDisk(name, disk.index), namespace, mark));
        return [scratch, job, ...claims, virtualMachine(target, mark)];
      });
      // The server's own opinion of each; what it fills in is left out of the answer.
      for (const object of objects) await cluster.apply(object, { dryRun: true });
      return { objects };
    },
  };
}

function none(error: unknown): string[] {
  if (error instanceof TranshipError && error.code === 'kube.not-found') return [];
  throw error;
}

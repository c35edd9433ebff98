import {
  CoreV1Api,
  KubeConfig,
  StorageV1Api,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1StorageClass,
} from '@kubernetes/client-node';
import { block, bytesOf, folder, gib, removeBytes } from './bytes.ts';

const driver = 'lab.tranship.dev/local';
const everyMs = 250;

/** What a CSI driver does in a real cluster: volumes local to the one node, as folders or as loop devices. */
export class Provisioner {
  readonly #core: CoreV1Api;
  readonly #storage: StorageV1Api;
  readonly #dir: string;
  readonly #told = new Set<string>();

  constructor(kubeconfig: string, dir: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    this.#core = config.makeApiClient(CoreV1Api);
    this.#storage = config.makeApiClient(StorageV1Api);
    this.#dir = dir;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#settle('round', () => this.#round());
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** What fails is tried again in the next round, and holds nothing else up; told once, as the rounds are many. */
  async #settle(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const message = `${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
      if (!this.#told.has(message)) console.error(`provisioner: ${message}`);
      this.#told.add(message);
    }
  }

  async #round(): Promise<void> {
    const [claims, volumes] = await Promise.all([
      this.#core.listPersistentVolumeClaimForAllNamespaces(),
      this.#core.listPersistentVolume(),
    ]);
    const mine = volumes.items.filter(
      (volume) => volume.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] === driver,
    );
    for (const volume of mine) {
      if (volume.status?.phase === 'Released' && volume.spec?.persistentVolumeReclaimPolicy === 'Delete')
        await this.#settle(volume.metadata!.name!, () => this.#reclaim(volume));
    }
    const names = new Set(mine.map((volume) => volume.metadata?.name));
    for (const claim of claims.items) {
      if (claim.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'] !== driver) continue;
      if (claim.spec?.volumeName || claim.metadata.deletionTimestamp || names.has(`pvc-${claim.metadata.uid}`))
        continue;
      await this.#settle(`${claim.metadata.namespace}/${claim.metadata.name}`, async () => {
        const made = await this.#provision(claim, mine);
        if (made) mine.push(made);
      });
    }
  }

  /** None: not yet, or not at all, as the claim's events say. */
  async #provision(
    claim: V1PersistentVolumeClaim,
    existing: readonly V1PersistentVolume[],
  ): Promise<V1PersistentVolume | undefined> {
    const storageClass = await this.#storage.readStorageClass({ name: claim.spec!.storageClassName! });
    // Where the pod decides the node, the scheduler names it first.
    if (
      storageClass.volumeBindingMode === 'WaitForFirstConsumer' &&
      !claim.metadata?.annotations?.['volume.kubernetes.io/selected-node']
    )
      return undefined;
    const size = bytesOf(claim.spec!.resources!.requests!.storage!);
    const refusal = this.#refusal(claim, storageClass, size, existing);
    if (refusal) {
      await this.#refuse(claim, refusal);
      return undefined;
    }
    const name = `pvc-${claim.metadata!.uid}`;
    const path = claim.spec!.volumeMode === 'Block' ? await block(this.#dir, name, size) : folder(this.#dir, name);
    return this.#core.createPersistentVolume({ body: volumeOf(name, claim, path, size) });
  }

  #refusal(
    claim: V1PersistentVolumeClaim,
    { metadata, parameters }: V1StorageClass,
    size: number,
    existing: readonly V1PersistentVolume[],
  ): string | undefined {
    if (claim.spec!.volumeMode === 'Block' && parameters?.volumeMode !== 'Block')
      return `the class ${metadata?.name} has no block volumes`;
    if (parameters?.capacityGB === undefined) return undefined;
    const used = existing
      .filter((v) => v.spec?.storageClassName === metadata?.name)
      .reduce((sum, v) => sum + bytesOf(v.spec!.capacity!.storage!), 0);
    return used + size > Number(parameters.capacityGB) * gib
      ? `not enough room in ${metadata?.name}: ${parameters.capacityGB} GiB, ${used} bytes in use`
      : undefined;
  }

  /** Says so as an event of the claim, once. */
  async #refuse(claim: V1PersistentVolumeClaim, message: string): Promise<void> {
    const { uid, name, namespace } = claim.metadata!;
    if (this.#told.has(uid!)) return;
    this.#told.add(uid!);
    const now = new Date();
    await this.#core.createNamespacedEvent({
      namespace: namespace!,
      body: {
        metadata: { generateName: 'provisioner-', namespace: namespace! },
        involvedObject: { kind: 'PersistentVolumeClaim', name: name!, namespace: namespace!, uid: uid! },
        reason: 'ProvisioningFailed',
        message,
        type: 'Warning',
        source: { component: driver },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      },
    });
  }

  async #reclaim(volume: V1PersistentVolume): Promise<void> {
    const name = volume.metadata!.name!;
    await removeBytes(this.#dir, name);
    await this.#core.deletePersistentVolume({ name });
  }
}

function volumeOf(name: string, claim: V1PersistentVolumeClaim, path: string, size: number): V1PersistentVolume {
  const { metadata, spec } = claim;
  return {
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': driver } },
    spec: {
      capacity: { storage: String(size) },
      accessModes: spec!.accessModes!,
      volumeMode: spec!.volumeMode ?? 'Filesystem',
      storageClassName: spec!.storageClassName!,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name: metadata!.name!,
        namespace: metadata!.namespace!,
        uid: metadata!.uid!,
      },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['lab'] }] },
          ],
        },
      },
    },
  };
}

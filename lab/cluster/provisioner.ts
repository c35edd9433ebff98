import { chmodSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CoreV1Api,
  KubeConfig,
  StorageV1Api,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1StorageClass,
} from '@kubernetes/client-node';
import { run } from '../setup/shell.ts';

const driver = 'lab.tranship.dev/local';
const everyMs = 250;
const gib = 1024 ** 3;

/** Bytes of a quantity such as `1Gi`. */
export function bytesOf(quantity: string): number {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(quantity);
  if (!match) throw new Error(`not a quantity: ${quantity}`);
  const units: Record<string, number> = {
    Ki: 1024,
    Mi: 1024 ** 2,
    Gi: gib,
    Ti: 1024 ** 4,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
  };
  return Math.ceil(Number(match[1]) * (match[2] === undefined ? 1 : units[match[2]]!));
}

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
      await this.#round().catch((error: unknown) =>
        console.error(`provisioner: ${error instanceof Error ? error.message.split('\n')[0] : error}`),
      );
      await new Promise((resolve) => setTimeout(resolve, everyMs));
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
        await this.#reclaim(volume);
    }
    const names = new Set(mine.map((volume) => volume.metadata?.name));
    for (const claim of claims.items) {
      if (claim.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'] !== driver) continue;
      if (claim.spec?.volumeName || claim.metadata.deletionTimestamp || names.has(`pvc-${claim.metadata.uid}`))
        continue;
      await this.#provision(claim, mine);
    }
  }

  async #provision(claim: V1PersistentVolumeClaim, existing: readonly V1PersistentVolume[]): Promise<void> {
    const storageClass = await this.#storage.readStorageClass({ name: claim.spec!.storageClassName! });
    // Where the pod decides the node, the scheduler names it first.
    if (
      storageClass.volumeBindingMode === 'WaitForFirstConsumer' &&
      !claim.metadata?.annotations?.['volume.kubernetes.io/selected-node']
    )
      return;
    const size = bytesOf(claim.spec!.resources!.requests!.storage!);
    const refusal = this.#refusal(claim, storageClass, size, existing);
    if (refusal) return this.#refuse(claim, refusal);
    const name = `pvc-${claim.metadata!.uid}`;
    const path = claim.spec!.volumeMode === 'Block' ? await this.#block(name, size) : this.#folder(name);
    await this.#core.createPersistentVolume({ body: volumeOf(name, claim, path, size) });
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

  #folder(name: string): string {
    const path = join(this.#dir, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o2777);
    return path;
  }

  async #block(name: string, size: number): Promise<string> {
    mkdirSync(this.#dir, { recursive: true });
    const file = join(this.#dir, `${name}.raw`);
    writeFileSync(file, '', { flag: 'a' });
    truncateSync(file, size);
    return (await run('losetup', ['--find', '--show', file], { deadlineMs: 10_000 })).trim();
  }

  async #reclaim(volume: V1PersistentVolume): Promise<void> {
    const path = volume.spec!.local!.path;
    const name = volume.metadata!.name!;
    if (path.startsWith('/dev/')) await run('losetup', ['--detach', path], { deadlineMs: 10_000 });
    rmSync(join(this.#dir, name), { recursive: true, force: true });
    rmSync(join(this.#dir, `${name}.raw`), { force: true });
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

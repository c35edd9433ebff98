import type { TargetDisk } from '@tranship/contracts';

const mib = 1024 ** 2;
/** What a file system takes of a volume before the image lies on it; as CDI reckons. */
const overhead = 0.055;

/** The bytes to ask for, so that the disk fits: whole MiB. */
export function claimBytes({ sizeBytes, volumeMode }: Pick<TargetDisk, 'sizeBytes' | 'volumeMode'>): number {
  const needed = volumeMode === 'Filesystem' ? sizeBytes * (1 + overhead) : sizeBytes;
  return Math.ceil(needed / mib) * mib;
}

export interface Claim {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly storageClass?: string | undefined;
  readonly volumeMode: 'Filesystem' | 'Block';
  readonly accessMode: string;
  readonly bytes: number;
  /** The volume that it shall take over. */
  readonly volumeName?: string;
}

export function claim({ name, namespace, labels, storageClass, volumeMode, accessMode, bytes, volumeName }: Claim) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, labels: { ...labels } },
    spec: {
      accessModes: [accessMode],
      volumeMode,
      resources: { requests: { storage: `${bytes / mib}Mi` } },
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      ...(volumeName === undefined ? {} : { volumeName }),
    },
  };
}

export const diskClaim = (disk: TargetDisk, name: string, namespace: string, labels: Record<string, string>) => {
  const { storageClass, volumeMode, accessMode } = disk;
  return claim({ name, namespace, labels, storageClass, volumeMode, accessMode, bytes: claimBytes(disk) });
};

import type { Connection, TargetDisk, TargetNic, TargetVm } from '@tranship/contracts';

const mib = 1024 ** 2;

/** A disk that a test need not describe further. */
export const disk = (index: number, more: Partial<TargetDisk> = {}): TargetDisk => ({
  ...{ index, key: 2000 + index, file: `[fast] web/web_${index}.vmdk`, sizeBytes: 8 * mib, storageClass: 'fast' },
  ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' } as const),
  ...more,
});

export const nic = (more: Partial<TargetNic> = {}): TargetNic => ({
  ...{ mac: '00:50:56:aa:bb:01', model: 'virtio', network: { type: 'pod' }, addresses: [] },
  ...more,
});

export const targetVm = (more: Partial<TargetVm> = {}): TargetVm => ({
  ...{ name: 'web', namespace: 'apps', cpus: 4, coresPerSocket: 2, memoryMB: 3072, firmware: 'bios' },
  ...{ disks: [disk(0)], nics: [nic()], runStrategy: 'Always', labels: {}, annotations: {}, nodeSelector: {} },
  ...more,
});

export const connection: Connection = {
  ...{ provider: 'vc', url: 'https://vc.example.com/sdk', thumbprint: 'AA:BB', secret: 'vc-login', method: 'auto' },
};

import type { InspectResult } from '../inspection.ts';
import type { Rehearsal } from '../rehearsal.ts';
import type { Connection, TargetDisk, TargetVm } from '../target.ts';

/** What many examples are made of. */
export const at = '2026-12-01T21:00:00.000Z';
/** Of a proof; not a real one. */
export const signature = {
  publicKey: 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=',
  signature: 'bm90IGEgcmVhbCBzaWduYXR1cmU=',
};
export const root = 'f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2';
export const disk: TargetDisk = {
  index: 0,
  key: 2000,
  file: '[fast-ds] web-01/web-01.vmdk',
  sizeBytes: 2 * 1024 ** 3,
  storageClass: 'ceph-rbd',
  volumeMode: 'Block',
  accessMode: 'ReadWriteMany',
  bus: 'virtio',
};
export const target: TargetVm = {
  name: 'web-01',
  namespace: 'apps',
  cpus: 2,
  coresPerSocket: 1,
  memoryMB: 2048,
  firmware: 'bios',
  uuid: '4203d7a5-7e0c-4f5b-9b3e-0a1b2c3d4e5f',
  luks: { secret: 'web-01-keys' },
  disks: [disk],
  nics: [{ mac: '00:50:56:aa:bb:01', model: 'virtio', network: { type: 'pod' }, addresses: ['192.168.76.10/24'] }],
  runStrategy: 'Always',
  labels: {},
  annotations: {},
  nodeSelector: {},
};
export const connection: Connection = {
  provider: 'vc1',
  url: 'https://vcenter.example.com/sdk',
  thumbprint: '0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D',
  secret: 'vc1',
  method: 'auto',
};
export const ids = { migration: 'shop-20261201-2100', vm: 'vm-42' };
export const ours = { ...ids, workbench: 'tranship-shop-20261201-2100-vm-42' };
export const atSource = { ...ids, provider: 'vc1' };
export const problem = {
  code: 'transfer.read',
  title: 'The source disk cannot be read',
  detail: 'disk 0: the host esx-3 closed the connection',
  fix: 'See the message of the disk library in the detail',
  retry: true,
} as const;
export const nicFact = { mac: '00:50:56:aa:bb:01', name: 'ens192', addresses: ['192.168.76.10/24'] };
export const inspection: InspectResult = {
  os: { family: 'linux', id: 'debian', name: 'Debian GNU/Linux 12 (bookworm)', version: '12', arch: 'x86_64' },
  supported: true,
  engine: 'direct',
  concerns: [
    {
      ...{ id: 'guest.address-differs', category: 'warning', path: 'guest' },
      label: 'The guest’s files and its reported addresses differ',
      why: 'NIC 00:50:56:aa:bb:01: its files say 192.168.76.11/24, vSphere 192.168.76.10/24',
      fix: 'Nothing, when the files are right: they are what counts. Else change them in the guest before the migration',
    },
  ],
  changes: [
    {
      ...{ path: '/etc/fstab', before: root, after: root },
      diff: '@@ -1 +1 @@\n-/dev/sda1 / ext4 defaults 0 1\n+UUID=8f0e1c1a-0000-4000-8000-00000000b007 / ext4 defaults 0 1\n',
    },
  ],
  seconds: 1.1,
};
export const rehearsal: Rehearsal = {
  pass: 2,
  passed: false,
  error: {
    code: 'rehearsal.network',
    title: 'The copy came up without an address that it is to keep',
    detail: 'ens192 (00:50:56:aa:bb:01) has no 192.168.76.10/24',
    fix: 'See its console with `tranship rehearsal`, mend its network in the guest, then `tranship rehearse`',
    retry: false,
  },
  boot: {
    ...{ accelerator: 'kvm', memoryMB: 1024, seconds: 9.4, mark: 'agent', os: 'Debian GNU/Linux 12 (bookworm)' },
    nics: [{ mac: '00:50:56:aa:bb:01', name: 'ens192', addresses: [], missing: ['192.168.76.10/24'] }],
    failedUnits: ['networking.service'],
    conversion: { engine: 'direct', files: 14, seconds: 2.1 },
    console: `evidence/shop-20261201-2100/vm-42/${root}`,
    screen: `evidence/shop-20261201-2100/vm-42/${root}`,
  },
};
const changeId = '52 de c0 d9 b9 43 9d 10/42';
export const point = {
  at,
  disks: [{ key: 2000, file: '[fast-ds] web-01/web-01.vmdk', changeId, areas: root, changedBytes: 41_943_040 }],
  foreign: [],
};
export const since = { disks: [{ key: 2000, sizeBytes: disk.sizeBytes, changeId }], foreign: [] };

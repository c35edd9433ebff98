import type { z } from 'zod';
import type { Concern, Validation } from '../concerns.ts';
import type { SourceVm } from '../inventory.ts';
import type { SignedProof } from '../proof.ts';
import type { MigrationStatus, Queries, QueryName } from '../queries.ts';
import type { VmReport } from '../report.ts';
import { documentExamples as documents } from './documents.ts';
import { eventExamples } from './events.ts';
import { at, connection, disk, ids, nicFact, problem, rehearsal, root, signature, target } from './parts.ts';

type Examples = {
  readonly [K in QueryName]: {
    readonly input: z.input<Queries[K]['input']>;
    readonly result: z.input<Queries[K]['result']>;
  };
};
const { Provider: provider, Plan: plan } = documents;
const named = { name: 'shop' };
const concern: Concern = {
  ...{ id: 'usb.controller', category: 'warning', label: 'USB controller', path: 'devices' },
  ...{ why: 'KubeVirt has no pass-through for it', fix: 'Remove it, or accept the concern' },
};
const validation: Validation = {
  plan: 'shop',
  ready: true,
  vms: [{ id: 'vm-42', name: 'web-01', concerns: [concern] }],
};
const host = { id: 'host-21', name: 'esx-3' };
const datastore = { id: 'datastore-11', name: 'fast-ds' };
const network = { id: 'network-7', name: 'VM Network' };
const sourceVm: SourceVm = {
  ...{ id: 'vm-42', name: 'web-01', path: '/DC0/vm/web/web-01', template: false, powerState: 'poweredOn' },
  ...{ connectionState: 'connected', host, cpus: 2, coresPerSocket: 1, memoryMB: 2048, firmware: 'bios' },
  ...{ secureBoot: false, guestId: 'debian12_64Guest', guestName: 'Debian GNU/Linux 12 (64-bit)', toolsRunning: true },
  ...{ dns: ['192.168.76.2'], snapshots: 0, changeTracking: true, devices: [] },
  disks: [
    {
      ...{
        key: 2000,
        label: 'Hard disk 1',
        capacityBytes: 2 * 1024 ** 3,
        file: '[fast-ds] web-01/web-01.vmdk',
        datastore,
      },
      ...{ controller: 'pvscsi', bus: 0, unit: 0, backing: 'flat', mode: 'persistent', shared: false },
    },
  ],
  nics: [
    {
      ...{ key: 4000, label: 'Network adapter 1', mac: '00:50:56:aa:bb:01', type: 'VirtualVmxnet3', network },
      ...{ connected: true, addresses: ['192.168.76.10/24'] },
    },
  ],
};
const status: MigrationStatus = {
  ...{ id: ids.migration, plan: 'shop', state: 'running', started: at },
  vms: [
    {
      ...{ id: 'vm-42', name: 'web-01', state: 'waiting', step: null, attempt: 1, since: at, results: {} },
      waits: 'for the window that opens at 2026-12-05T21:00:00.000Z',
    },
  ],
};
const inProvider = { provider: 'vc1', limit: 100 };

const signedProof: SignedProof = {
  proof: {
    ...{ version: 1, migration: ids.migration, plan: 'shop', at, grade: 'standard' },
    source: { provider: 'vc1', id: 'vm-42', name: 'web-01' },
    target: { namespace: 'apps', name: 'web-01' },
    disks: [
      {
        index: 0,
        file: disk.file,
        sizeBytes: disk.sizeBytes,
        copied: root,
        converted: `${root.slice(1)}0`,
        auditedShare: 0.01,
      },
    ],
    passes: [
      {
        ...{ pass: 1, at, snapshot: null },
        disks: [
          {
            ...{ index: 0, how: 'full', changeId: null, readBytes: disk.sizeBytes, writtenBytes: 1_200_000_000, root },
            ...{ auditedLeaves: 0, liedLeaves: 0, provenLeaves: 32_768 },
          },
        ],
      },
    ],
  },
  ...signature,
};

const report: VmReport = {
  ...{ migration: ids.migration, plan: 'shop', vm: { id: 'vm-42', name: 'web-01' }, state: 'succeeded', type: 'warm' },
  target: { namespace: 'apps', name: 'web-01' },
  times: { queued: at, began: at, stopped: at, well: at, over: at },
  disks: [{ index: 0, file: disk.file, sizeBytes: disk.sizeBytes, storageClass: disk.storageClass }],
  passes: [
    {
      ...{ pass: 2, started: at, finished: at, seconds: 1.4, snapshot: 'snapshot-77', changedBytes: 41_943_040 },
      ...{ readBytes: 41_943_040, writtenBytes: 40_000_000, savedBytes: 0, how: ['delta'] },
    },
  ],
  ...{ readBytes: 1_341_943_040, writtenBytes: 1_240_000_000, savedBytes: 0 },
  downtime: {
    forecast: eventExamples['vm.forecast'],
    real: { shutdown: 11.2, delta: 1.8, prove: 0.6, convert: 4.1, handOver: 3.2, boot: 14.8 },
    seconds: 35.7,
  },
  proof: { at, grade: 'standard', leaves: 33_408, disks: [{ index: 0, copied: root }] },
  guest: {
    ...{ os: 'Debian GNU/Linux 12', engine: 'direct', reason: 'ext4 without encryption' },
    files: [{ path: '/etc/fstab', before: '/dev/sda1 / ext4', after: '/dev/vda1 / ext4' }],
  },
  nics: [
    {
      mac: nicFact.mac,
      before: { name: nicFact.name, addresses: nicFact.addresses },
      after: { name: nicFact.name, addresses: nicFact.addresses },
    },
  ],
  ...{ node: 'worker-3', failures: [{ at, step: 'copy', error: problem, again: true }] },
};

/** What each question holds, and what its answer; a query without an example does not compile. */
export const queryExamples: Examples = {
  putProvider: { input: provider, result: provider },
  getProvider: { input: { name: 'vc1' }, result: provider },
  listProviders: { input: {}, result: { items: [provider] } },
  deleteProvider: { input: { name: 'vc1' }, result: {} },
  testProvider: {
    input: { name: 'vc1' },
    result: {
      checks: [
        { name: 'login', ok: true, detail: 'VMware vCenter Server 8.0.2, as svc-tranship' },
        {
          ...{ name: 'VApp.Export', ok: true, but: 'warning', detail: 'missing on 1 of 3 VMs: /DC0/vm/web/web-01' },
          fix: 'Add it to the role of svc-tranship',
        },
      ],
    },
  },
  fetchCa: {
    input: { url: connection.url },
    result: { pem: '-----BEGIN CERTIFICATE-----…', thumbprint: connection.thumbprint, sha256: '50:B7:…' },
  },
  vms: { input: inProvider, result: { items: [sourceVm] } },
  hosts: {
    input: inProvider,
    result: { items: [{ ...host, path: '/DC0/host/C0/esx-3', connectionState: 'connected', maintenance: false }] },
  },
  networks: {
    input: inProvider,
    result: { items: [{ ...network, path: '/DC0/network/VM Network', type: 'network' }] },
  },
  datastores: {
    input: inProvider,
    result: {
      items: [
        {
          ...{ ...datastore, path: '/DC0/datastore/fast-ds', type: 'VMFS', accessible: true },
          ...{ capacityBytes: 500 * 1024 ** 3, freeBytes: 200 * 1024 ** 3 },
        },
      ],
    },
  },
  folders: {
    input: { ...inProvider, where: 'holds = "vms"' },
    result: { items: [{ id: 'group-v4', name: 'web', path: '/DC0/vm/web', type: 'folder', holds: 'vms', vms: 12 }] },
  },
  findVms: { input: { provider: 'vc1', refs: [{ name: 'web-01' }] }, result: { matches: [[sourceVm]] } },
  connection: { input: { name: 'vc1' }, result: connection },
  sourceOff: { input: { provider: 'vc1', vm: 'vm-42', lastStart: 70_311 }, result: { powerState: 'poweredOff', at } },
  room: {
    input: { provider: 'vc1', vms: ['vm-42'] },
    result: { rooms: [{ vm: 'vm-42', datastore: 'fast-ds', freeBytes: 9 * 1024 ** 3, needBytes: 20 * 1024 ** 3 }] },
  },
  latency: {
    input: { provider: 'vc1', vms: ['vm-42'] },
    result: { latencies: [{ vm: 'vm-42', datastore: 'fast-ds', ms: 71, maxMs: 40 }] },
  },
  putPlan: { input: plan, result: plan },
  getPlan: { input: named, result: plan },
  listPlans: { input: {}, result: { items: [plan] } },
  deletePlan: { input: named, result: {} },
  archivePlan: { input: named, result: { ...plan, status: { archived: at } } },
  validatePlan: { input: named, result: validation },
  startPlan: { input: { ...named, readyOnly: false, key: 'k-1' }, result: { migration: ids.migration } },
  providerUses: { input: { name: 'vc1' }, result: { uses: [{ migration: ids.migration, vm: 'web-01', kept: false }] } },
  getMigration: { input: { name: ids.migration }, result: status },
  listMigrations: { input: {}, result: { items: [status] } },
  actOnMigration: { input: { name: ids.migration, vm: 'vm-42', verb: 'cutover', force: false }, result: status },
  timeline: {
    input: { name: ids.migration, vm: 'vm-42' },
    result: { items: [{ seq: 311, time: at, type: 'vm.paused', vm: 'vm-42', data: {} }] },
  },
  previewPlan: {
    input: { targets: [target], connection },
    result: { objects: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name: 'web-01' } }] },
  },
  targetsOf: { input: named, result: { targets: [target] } },
  getNetworkMap: { input: { name: 'nets' }, result: documents.NetworkMap },
  getStorageMap: { input: { name: 'stores' }, result: documents.StorageMap },
  targetFacts: {
    input: { namespace: 'apps', secrets: ['web-01-keys'] },
    result: {
      ...{ storageClasses: ['ceph-rbd'], namespaces: ['apps'], networks: ['apps/vlan21'], vms: ['web-01'] },
      keyless: [{ secret: 'web-01-keys', why: 'there is no Secret tranship-work/web-01-keys' }],
    },
  },
  rehearsal: { input: { name: ids.migration, vm: 'vm-42' }, result: rehearsal },
  targetRuns: { input: { namespace: 'apps', name: 'web-01' }, result: { runs: false } },
  report: { input: { name: ids.migration, vm: 'vm-42' }, result: report },
  proof: { input: { name: ids.migration, vm: 'vm-42' }, result: signedProof },
  putSecret: { input: { name: 'vc1', data: { username: 'svc-tranship', password: '…' } }, result: {} },
  readSecret: { input: { name: 'vc1' }, result: { username: 'svc-tranship', password: '…' } },
};

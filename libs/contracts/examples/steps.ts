import type { z } from 'zod';
import type { StepName, Steps } from '../steps.ts';
import {
  at,
  atSource,
  connection,
  disk,
  inspection,
  nicFact,
  ours,
  point,
  rehearsal,
  root,
  signature,
  since,
  target,
} from './parts.ts';

type Examples = {
  readonly [K in StepName]: {
    readonly input: z.input<Steps[K]['input']>;
    readonly result: z.input<Steps[K]['result']>;
  };
};
const onTarget = { ...ours, target };
const claim = { uid: 'a3c1', volume: 'pvc-7d1f' };
const kept = `${ours.migration}/${ours.vm}/${root}`;
const snapshot = 'tranship-shop-20261201-2100-2';

const via = { method: 'vddk', why: 'auto: the disk library opens the disk' } as const;

/** What each step is asked, and what it answers; a step without an example does not compile. */
export const stepExamples: Examples = {
  prepare: {
    input: { ...onTarget, connection, rehearse: true },
    result: {
      pvcs: [{ index: 0, name: `${ours.workbench}-disk-0`, uid: 'a3c1', volume: 'pvc-7d1f' }],
      pod: `${ours.workbench}-x7k2p`,
      rehearse: true,
    },
  },
  powerOff: {
    input: { ...atSource, power: 'poweredOn', deadlineMs: 600_000, then: 'fail' },
    result: { was: 'poweredOn', how: 'guest', at },
  },
  snapshot: {
    input: { ...atSource, name: snapshot, ...since },
    result: { ...point, snapshot: 'snapshot-77', tracking: 'on', powerState: 'poweredOn' },
  },
  removeSnapshot: { input: { ...atSource, name: snapshot, graceMs: 10_000 }, result: { seconds: 3.2 } },
  findChanges: { input: { ...atSource, ...since }, result: { ...point, lastStart: 70_311 } },
  copy: {
    input: {
      ...{ ...ours, connection, sessions: 1, pass: 2, snapshot: 'snapshot-77', audit: 0.01, pastRate: 180_000_000 },
      disks: [{ ...disk, how: 'delta', areas: root, since: since.disks[0]!.changeId, claim, kept }],
      ...{ grade: 'standard', reread: false },
    },
    result: {
      disks: [
        {
          ...{
            index: 0,
            sizeBytes: disk.sizeBytes,
            how: 'delta',
            readBytes: 41_943_040,
            writtenBytes: 40_000_000,
            root,
          },
          ...{ resumedBytes: 0, savedBytes: 0, auditedLeaves: 320, liedLeaves: 0, via },
        },
      ],
      seconds: 1.4,
    },
  },
  prove: {
    input: { ...ours, disks: [{ ...disk, claim }], pass: 2, grade: 'standard', keep: true },
    result: { grade: 'standard', disks: [{ index: 0, root, leaves: 640, kept }], seconds: 0.3 },
  },
  inspect: {
    input: { ...ours, disks: [disk], nics: [{ mac: nicFact.mac, addresses: nicFact.addresses, slot: 192 }] },
    result: inspection,
  },
  rehearse: {
    input: { ...onTarget, pass: 2, mode: 'auto', agent: 'ifPresent', deadlineMs: 600_000 },
    result: rehearsal,
  },
  release: { input: ours, result: { removed: [`Job tranship-work/${ours.workbench}`] } },
  convert: {
    input: {
      ...{ ...ours, disks: [{ ...disk, claim }], guestId: 'debian12_64Guest', mode: 'auto' },
      nics: [{ mac: nicFact.mac, addresses: nicFact.addresses, slot: 192 }],
    },
    result: {
      ...{ engine: 'direct', reason: 'ext4 on a plain partition', os: 'Debian GNU/Linux 12', nics: [nicFact] },
      changes: [
        {
          path: '/etc/fstab',
          before: '/dev/sda1 / ext4 defaults 0 1\n',
          after: 'UUID=6f1c7a52-43f5-4c0e-9d0e-1f6a2b3c4d5e / ext4 defaults 0 1\n',
          digests: {
            before: 'd67c4d8adc831440c77c28da023899767745f4b648666ee787e7256cae2d3e36',
            after: '4832a0271285587107e046bf60b58bb2b68093730cab24f5f66f1ecf7fe99108',
          },
        },
        {
          ...{ path: '/etc/initramfs-tools/modules', before: null, after: 'virtio_blk\n' },
          digests: { before: null, after: 'c79e2396586180aa685045d80eaa31d29371dc473922bcfd9b980bbeb1a4a89a' },
        },
      ],
      agent: 'present',
      roots: [{ index: 0, root, leaves: 210 }],
      seconds: 2.1,
    },
  },
  handOver: { input: onTarget, result: { pvcs: [{ index: 0, name: 'web-01-disk-0' }], seconds: 1.8 } },
  create: { input: { ...onTarget, proof: root }, result: { name: 'web-01', uid: '9f0d', proof: signature } },
  checkOff: { input: { ...atSource, lastStart: 70_311 }, result: { powerState: 'poweredOff', at } },
  start: { input: { ...onTarget, provider: 'vc1', lastStart: 70_311 }, result: { at } },
  unseal: {
    input: { ...ours, target: { ...target, sealed: true }, deadlineMs: 600_000 },
    result: { answered: at, opened: at, nics: [nicFact.mac] },
  },
  watchHealth: {
    input: { ...onTarget, agent: 'ifPresent', deadlineMs: 600_000 },
    result: { at, proven: true, node: 'node-1', nics: [nicFact] },
  },
  settle: { input: onTarget, result: { removed: [`PersistentVolumeClaim tranship-work/${ours.workbench}-scratch`] } },
  removeTarget: { input: onTarget, result: { removed: ['VirtualMachine apps/web-01'], kept: false } },
  stopTarget: { input: onTarget, result: { at } },
  tidySource: {
    input: { ...atSource, prefix: 'tranship-shop-20261201-2100-', tracking: 'off' },
    result: { snapshots: [snapshot], tracking: 'off' },
  },
  powerOn: {
    input: { ...atSource, target: { namespace: 'apps', name: 'web-01' }, watchMs: 0 },
    result: { at },
  },
};

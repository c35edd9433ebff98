import type { z } from 'zod';
import type { StepName, Steps } from '../steps.ts';
import { at, atSource, connection, disk, nicFact, ours, point, root, since, target } from './parts.ts';

type Examples = {
  readonly [K in StepName]: {
    readonly input: z.input<Steps[K]['input']>;
    readonly result: z.input<Steps[K]['result']>;
  };
};
const onTarget = { ...ours, target };
const snapshot = 'tranship-shop-20261201-2100-2';

const via = { method: 'vddk', why: 'auto: the disk library opens the disk' } as const;

/** What each step is asked, and what it answers; a step without an example does not compile. */
export const stepExamples: Examples = {
  prepare: {
    input: { ...onTarget, connection },
    result: { pvcs: [{ index: 0, name: `${ours.workbench}-disk-0`, uid: 'a3c1' }], pod: `${ours.workbench}-x7k2p` },
  },
  powerOff: {
    input: { ...atSource, power: 'poweredOn', deadlineMs: 600_000, then: 'fail' },
    result: { was: 'poweredOn', how: 'guest', at },
  },
  snapshot: {
    input: { ...atSource, name: snapshot, ...since },
    result: { ...point, snapshot: 'snapshot-77', tracking: 'on', powerState: 'poweredOn' },
  },
  removeSnapshot: { input: { ...atSource, name: snapshot }, result: { seconds: 3.2 } },
  findChanges: { input: { ...atSource, ...since }, result: point },
  copy: {
    input: {
      ...{ ...ours, connection, sessions: 1, pass: 2, snapshot: 'snapshot-77', audit: 0.01 },
      disks: [{ ...disk, how: 'delta', areas: root }],
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
          ...{ resumedBytes: 0, auditedLeaves: 320, liedLeaves: 0, via },
        },
      ],
      seconds: 1.4,
    },
  },
  prove: {
    input: { ...ours, disks: [disk], pass: 2 },
    result: { grade: 'standard', disks: [{ index: 0, root, leaves: 640 }], seconds: 0.3 },
  },
  convert: {
    input: {
      ...{ ...ours, disks: [disk], guestId: 'debian12_64Guest', mode: 'auto' },
      nics: [{ mac: nicFact.mac, addresses: nicFact.addresses, slot: 192 }],
    },
    result: {
      ...{ engine: 'direct', reason: 'ext4 on a plain partition', os: 'Debian GNU/Linux 12', nics: [nicFact] },
      changes: [{ path: '/etc/initramfs-tools/modules', before: null, after: 'virtio_blk' }],
      seconds: 2.1,
    },
  },
  handOver: { input: onTarget, result: { pvcs: [{ index: 0, name: 'web-01-disk-0' }], seconds: 1.8 } },
  create: { input: onTarget, result: { name: 'web-01', uid: '9f0d' } },
  checkOff: { input: atSource, result: { powerState: 'poweredOff', at } },
  start: { input: { ...onTarget, provider: 'vc1' }, result: { at } },
  watchHealth: {
    input: { ...onTarget, agent: 'ifPresent', deadlineMs: 600_000 },
    result: { at, proven: true, node: 'node-1', nics: [nicFact] },
  },
  settle: { input: onTarget, result: { removed: [`PersistentVolumeClaim tranship-work/${ours.workbench}-scratch`] } },
  removeTarget: { input: onTarget, result: { removed: ['VirtualMachine apps/web-01'] } },
  stopTarget: { input: onTarget, result: { at } },
  tidySource: {
    input: { ...atSource, prefix: 'tranship-shop-20261201-2100-', tracking: 'off' },
    result: { snapshots: [snapshot], tracking: 'off' },
  },
  powerOn: { input: { ...atSource, watchMs: 0 }, result: { at } },
};

import { expect, test } from 'vitest';
import { type Machine, qemuArguments } from './machine.ts';
import { lastLines, markOf } from './marks.ts';
import { errorOf, nicsSeen } from './verdict.ts';

const disk = (index: number, bus: 'virtio' | 'sata' | 'scsi', volumeMode: 'Filesystem' | 'Block' = 'Filesystem') => ({
  ...{ index, key: 2000 + index, file: '[ds] a/a.vmdk', sizeBytes: 2 ** 30, storageClass: 'fast' },
  ...({ volumeMode, accessMode: 'ReadWriteOnce', bus } as const),
});
const machine: Machine = {
  target: {
    ...{ name: 'web', namespace: 'apps', cpus: 8, coresPerSocket: 1, memoryMB: 65_536, firmware: 'bios' },
    ...{ uuid: '4203d7a5-7e0c-4f5b-9b3e-0a1b2c3d4e5f', disks: [disk(0, 'virtio'), disk(1, 'scsi', 'Block')] },
    nics: [1, 2].map((n) => ({
      ...({ mac: `00:50:56:aa:00:0${n}`, model: 'virtio', network: { type: 'pod' }, addresses: [] } as const),
    })),
    ...{ runStrategy: 'Always', labels: {}, annotations: {}, nodeSelector: {} },
  },
  ...{ memoryMB: 1024, accelerator: 'tcg', monitor: '/m', console: '/c', agent: '/a' },
  overlays: new Map([
    [0, { file: '/o0', base: '/disks/0/disk.img', isDevice: false }],
    [1, { file: '/o1', base: '/dev/disks/1', isDevice: true }],
  ]),
};
const text = (more: Partial<Machine> = {}) => qemuArguments({ ...machine, ...more }).join('\n');

test('machine - the copies are opened read only, behind overlays; nothing else of the host is', () => {
  const nodes = qemuArguments(machine).flatMap((word, i, all) =>
    all[i - 1] === '-blockdev' ? [JSON.parse(word)] : [],
  );
  expect(nodes).toMatchObject([
    {
      driver: 'qcow2',
      file: { filename: '/o0' },
      backing: { 'read-only': true, file: { driver: 'file', filename: '/disks/0/disk.img', 'read-only': true } },
    },
    { backing: { 'read-only': true, file: { driver: 'host_device', filename: '/dev/disks/1' } } },
  ]);
  expect(text()).toContain('elevateprivileges=deny,spawn=deny');
});

test('machine - more disks on sata than its controller has ports are given more controllers', () => {
  const on = (count: number) => {
    const disks = Array.from({ length: count }, (_, i) => disk(i, 'sata'));
    const overlays = new Map(disks.map(({ index }) => [index, { file: '/o', base: '/b', isDevice: false }]));
    const words = qemuArguments({ ...machine, target: { ...machine.target, disks }, overlays });
    return words.filter((word) => /^(ahci|ide-hd)/.test(word)).map((word) => word.replace(/,drive.*/, ''));
  };
  expect(on(6)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `ide-hd,bus=ide.${i}`));
  expect(on(13).filter((word) => word.startsWith('ahci'))).toEqual(['ahci,id=sata1', 'ahci,id=sata2']);
  expect(on(13).slice(-8)).toEqual([
    ...['ide-hd,bus=ide.5', ...[0, 1, 2, 3, 4, 5].map((i) => `ide-hd,bus=sata1.${i}`), 'ide-hd,bus=sata2.0'],
  ]);
});

test('machine - each NIC has its own MAC and a hub on which nobody else is', () => {
  expect(qemuArguments(machine).filter((_, i, all) => all[i - 1] === '-netdev')).toEqual([
    'hubport,id=net0,hubid=0',
    'hubport,id=net1,hubid=1',
  ]);
  expect(text()).toMatch(/virtio-net-pci,netdev=net1,mac=00:50:56:aa:00:02,/);
  expect(text()).not.toMatch(/user,|tap,|socket,id=net|bridge/);
});

test('machine - memory and processors are capped; KVM lends the host’s processor; UEFI has its own variables', () => {
  expect(text()).toMatch(/-m\n1024M/);
  expect(text()).toMatch(/-smp\n2/);
  expect(text()).toMatch(/-accel\ntcg,thread=multi,tb-size=128\n-cpu\nmax/);
  expect(text({ accelerator: 'kvm' })).toMatch(/-accel\nkvm\n-cpu\nhost/);
  expect(text()).not.toContain('pflash');
  expect(text({ variables: '/v' })).toContain('unit=1,file=/v');
});

test.each([
  ['[    5.1] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n', 'its kernel panicked'],
  ['ALERT!  UUID=8f0e does not exist.  Dropping to a shell!\r\n', 'its initramfs does not find the root'],
  ['\r\n(initramfs) ', 'its initramfs gave up'],
  ['You are in emergency mode. After logging in, type', 'it is in emergency mode'],
  ['error: no such device\r\ngrub rescue> ', 'its boot loader does not find its files'],
  ['BdsDxe: No bootable option or device was found.\r\n', 'the firmware finds no boot loader'],
])('marks - %j: it will not come up', (console, why) => {
  expect(markOf(console)).toMatchObject({ up: false, why: expect.stringContaining(why) });
});

test('marks - a login is the mark of a guest that is up, colours or not; a kernel that talks is none', () => {
  expect(markOf('Debian GNU/Linux 12 web ttyS0\r\n\r\nweb login: ')).toEqual({ up: true });
  expect(markOf('\x1b[0m\x1b[37mweb login: \x1b[0m')).toEqual({ up: true });
  expect(markOf('[  OK  ] Started Login Service.\r\n[ 3.1] audit: login: x')).toBeUndefined();
  expect(lastLines('a\r\n\x1b[31mb\x1b[0m\r\n\r\nc \r\nd\r\n')).toBe('b | c | d');
});

test('verdict - an address that was to be kept and is not there fails it; one in another spelling is there', () => {
  const seen = [
    { name: 'ens192', mac: '00:50:56:AA:00:01', addresses: ['10.0.0.5/24', 'fe80::1/64', '2001:db8::1/64'] },
    { name: 'lab0', mac: '00:50:56:aa:00:01', addresses: ['10.0.1.5/24'] },
  ];
  const kept = (addresses: string[]) => new Map([['00:50:56:aa:00:01', addresses]]);
  const nics = (addresses: string[]) => nicsSeen(['00:50:56:aa:00:01'], seen, kept(addresses));
  const there = nics(['10.0.0.5', '2001:0db8:0:0::1', '10.0.1.5/24']);
  expect(there).toMatchObject([{ name: 'ens192', missing: [] }]);
  expect(errorOf({ mark: 'agent', nics: there }, '')).toBeUndefined();
  const lacking = nics(['10.0.0.6/24']);
  expect(errorOf({ mark: 'agent', nics: lacking }, '')).toMatchObject({
    code: 'rehearsal.network',
    detail: 'ens192 (00:50:56:aa:00:01) has no 10.0.0.6/24',
  });
  expect(errorOf({ mark: 'nothing', nics: [] }, 'it panicked')).toMatchObject({
    code: 'rehearsal.no-boot',
    detail: 'it panicked',
  });
});

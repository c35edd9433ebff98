import { type Plan, planSchema, type SourceDisk, type SourceNic, type SourceVm } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { concernsOf, rules } from './concerns.ts';
import { type Maps, resolve } from './resolve.ts';
import type { Subject } from './rule.ts';
import { validate } from './validate.ts';

const disk: SourceDisk = {
  ...{ key: 2000, label: 'Hard disk 1', capacityBytes: 2 ** 30, file: '[fast-ds] web/web.vmdk', bus: 0, unit: 0 },
  ...{ datastore: { id: 'datastore-1', name: 'fast-ds' }, mode: 'persistent', shared: false },
  ...({ controller: 'pvscsi', backing: 'flat' } as const),
};
const nic: SourceNic = {
  ...{ key: 4000, label: 'NIC 1', mac: '00:50:56:aa:bb:01', type: 'vmxnet3', connected: true, addresses: [] },
  network: { id: 'network-1', name: 'VM Network' },
};
const vm: SourceVm = {
  ...{ id: 'vm-1', name: 'web-01', path: '/DC0/vm/web-01', template: false, connectionState: 'connected' },
  ...{
    cpus: 2,
    coresPerSocket: 1,
    memoryMB: 1024,
    secureBoot: false,
    guestId: 'debian12_64Guest',
    guestName: 'Debian',
  },
  ...{ toolsRunning: true, dns: [], disks: [disk], nics: [nic], snapshots: 0, changeTracking: false, devices: [] },
  ...({ powerState: 'poweredOn', firmware: 'bios' } as const),
};
const maps: Maps = {
  networks: [{ source: { name: 'VM Network' }, target: { type: 'multus', name: 'apps/vlan21' } }],
  storage: [
    {
      source: { name: 'fast-ds' },
      target: { storageClass: 'fast', volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce' },
    },
  ],
} as Maps;
const facts = {
  storageClasses: ['fast'],
  namespaces: ['apps'],
  networks: ['apps/vlan21'],
  vms: ['other'],
  keyless: [],
};
const plan = (spec: object = {}): Plan =>
  planSchema.parse({
    ...{ apiVersion: 'tranship.dev/v1', kind: 'Plan', metadata: { name: 'p' } },
    spec: {
      ...{ source: 'vc1', target: { namespace: 'apps' }, networkMap: 'n', storageMap: 's', vms: [{ name: 'web-01' }] },
      ...spec,
    },
  });
const entry = { name: 'web-01', accept: [] };
const subject = (more: Partial<Subject> = {}): Subject => ({
  ...{ plan: plan(), entry, vm, maps, facts, method: 'auto' },
  ...more,
});
const ofDisk = (more: Partial<SourceDisk>) => ({ vm: { ...vm, disks: [{ ...disk, ...more }] } });
const ofVm = (more: Partial<SourceVm>) => ({ vm: { ...vm, ...more } });
const warm = plan({ type: 'warm' });
const pod = { networks: [{ source: { name: 'VM Network' }, target: { type: 'pod' } }], storage: maps.storage } as Maps;

/** For each rule, what brings it up. */
const brings: Record<string, Partial<Subject>> = {
  'vm.name-invalid': { entry: { ...entry, targetName: 'Not valid!' } },
  'vm.name-changed': ofVm({ name: 'Web 01' }),
  'vm.template': ofVm({ template: true }),
  'vm.disconnected': ofVm({ connectionState: 'orphaned' }),
  'vm.suspended': ofVm({ powerState: 'suspended' }),
  'disk.none': ofVm({ disks: [] }),
  'disk.rdm': ofDisk({ backing: 'rdm', rdm: 'virtual' }),
  'disk.rdm-physical': ofDisk({ backing: 'rdm', rdm: 'physical' }),
  'disk.unsupported': ofDisk({ backing: 'other' }),
  'disk.shared': ofDisk({ shared: true }),
  'disk.independent': ofDisk({ mode: 'independent_persistent' }),
  'disk.empty': ofDisk({ capacityBytes: 0 }),
  'cbt.unsupported': { plan: warm, ...ofVm({ changeTrackingSupported: false }) },
  'transfer.nfc-warm': { plan: warm, method: 'nfc' },
  'transfer.nfc-full': { plan: plan({ defaults: { proof: 'full' } }), method: 'nfc' },
  'storage.unmapped': ofDisk({ datastore: { id: 'datastore-2', name: 'slow-ds' } }),
  'storage.class-missing': { facts: { ...facts, storageClasses: [] } },
  'nic.unmapped': ofVm({ nics: [{ ...nic, network: { id: 'network-2', name: 'lost' } }] }),
  'nic.pod-twice': { ...ofVm({ nics: [nic, { ...nic, key: 4001 }] }), maps: pod },
  'nic.target-missing': { facts: { ...facts, networks: [] } },
  'target.transfer-network-missing': { plan: plan({ transferNetwork: 'storage/esxi' }) },
  'target.namespace-missing': { facts: { ...facts, namespaces: [] } },
  'target.unreachable': { facts: undefined },
  'target.provider-unknown': { plan: plan({ target: { provider: 'elsewhere', namespace: 'apps' } }) },
  'target.name-taken': { facts: { ...facts, vms: ['web-01'] } },
  'luks.secret': {
    ...{
      entry: { ...entry, luks: { secret: 'keys' } },
      facts: { ...facts, keyless: [{ secret: 'keys', why: 'none' }] },
    },
  },
  'pci.passthrough': ofVm({ devices: ['pci'] }),
  'nic.sriov': ofVm({ devices: ['sriov'] }),
  'gpu.present': ofVm({ devices: ['vgpu'] }),
  'tpm.present': ofVm({ devices: ['tpm'] }),
  'usb.controller': ofVm({ devices: ['usb'] }),
  'nvdimm.present': ofVm({ devices: ['nvdimm'] }),
  'vm.secure-boot': ofVm({ secureBoot: true }),
  'vm.snapshots': ofVm({ snapshots: 2 }),
  'snapshot.space': {
    ...{ plan: plan({ type: 'warm' }), room: { vm: 'vm-1', datastore: 'fast-ds', freeBytes: 1, needBytes: 2 } },
  },
  'tools.not-running': ofVm({ toolsRunning: false }),
};
const ids = (more: Partial<Subject>) => concernsOf(subject(more)).map(({ id }) => id);

test('concerns - a plain VM has none', () => {
  expect(ids({})).toEqual([]);
});

test('concerns - the room for a snapshot matters only where one is taken, and where it is known', () => {
  const room = { vm: 'vm-1', datastore: 'fast-ds', freeBytes: 1, needBytes: 2 };
  expect(ids({ room })).toEqual([]);
  expect(ids({ plan: warm })).toEqual([]);
  expect(ids({ plan: warm, room: { ...room, freeBytes: 2 } })).toEqual([]);
  expect(ids({ plan: warm, room, ...ofVm({ powerState: 'poweredOff' }) })).toEqual([]);
});

test('concerns - an export moves a VM cold', () => {
  expect(ids({ method: 'nfc' })).toEqual([]);
  expect(ids({ ...ofVm({ powerState: 'poweredOff' }), plan: warm, method: 'nfc' })).toEqual([]);
});

test.each(rules.map(({ id }) => id))('concerns - %s comes up where it should, alone, with why and fix', (id) => {
  const found = concernsOf(subject(brings[id]));
  expect(found.map((each) => each.id)).toEqual([id]);
  for (const { why, fix, label, path } of found) expect(why && fix && label && path).toBeTruthy();
});

const independent = { mode: 'independent_persistent' };
const [virtual, physical] = (['virtual', 'physical'] as const).map((rdm) => ({ backing: 'rdm', rdm }) as const);
const rehearsed = plan({ defaults: { rehearse: 'required' } });
test.each([
  ['disk.independent', independent, 'critical', 'warning'],
  ['disk.rdm', virtual!, 'critical', 'warning'],
  ['disk.rdm-physical', physical!, 'critical', 'critical'],
  // As one of a VM that was looked at before its mode was told.
  ['disk.rdm-physical', { backing: 'rdm' } as const, 'critical', 'critical'],
])('concerns - %s is judged by how the VM will be copied (%o): at snapshots %s, while it is off %s', (...row) => {
  const [id, more, atSnapshots, off] = row;
  const judged = (of: Plan, powerState: SourceVm['powerState']) => {
    const found = concernsOf(subject({ vm: { ...vm, powerState, disks: [{ ...disk, ...more }] }, plan: of }));
    expect(found.map((each) => each.id)).toEqual([id]);
    return found[0]!.category;
  };
  expect({
    'warm, on': judged(warm, 'poweredOn'),
    'warm, off': judged(warm, 'poweredOff'),
    'cold, on': judged(plan(), 'poweredOn'),
    'cold, off': judged(plan(), 'poweredOff'),
    'cold and rehearsed, off': judged(rehearsed, 'poweredOff'),
  }).toEqual({
    'warm, on': atSnapshots,
    'warm, off': off,
    'cold, on': off,
    'cold, off': off,
    'cold and rehearsed, off': atSnapshots,
  });
});

test('accept - with its reason a concern stops nothing; what makes the move impossible cannot be accepted', () => {
  const accepting = (concern: string) => ({ entry: { ...entry, accept: [{ concern, reason: 'dongle retired' }] } });
  expect(concernsOf(subject({ ...ofVm({ devices: ['pci'] }), ...accepting('pci.passthrough') }))).toMatchObject([
    { category: 'information', accepted: 'dongle retired' },
  ]);
  const unmapped = ofDisk({ datastore: { id: 'datastore-2', name: 'slow-ds' } });
  const [found] = concernsOf(subject({ ...unmapped, ...accepting('storage.unmapped') }));
  expect(found).toMatchObject({ category: 'critical' });
  expect(found).not.toHaveProperty('accepted');
});

test('validate - absent, ambiguous and doubly named VMs stop the plan', () => {
  const named = (name: string, targetName?: string) => ({ name, accept: [], ...(targetName ? { targetName } : {}) });
  const other = { ...vm, id: 'vm-2', name: 'web-02' };
  const { ready, vms } = validate(
    plan(),
    [
      { entry: named('web-01'), matches: [vm] },
      { entry: named('web-02', 'web-01'), matches: [other] },
      { entry: named('nobody'), matches: [] },
      { entry: named('twin'), matches: [vm, other] },
    ],
    maps,
    facts,
    'auto',
  );
  expect(ready).toBe(false);
  expect(vms.map(({ concerns }) => concerns.map(({ id }) => id))).toEqual([
    [],
    ['vm.name-duplicate'],
    ['vm.not-found'],
    ['vm.ambiguous'],
  ]);
});

test.each([{ inspect: 'required' }, { rehearse: 'required' }])(
  'concerns - a cold plan with %o copies at a snapshot: what a snapshot leaves out is critical, an export is no way',
  (defaults) => {
    const rehearsed = plan({ defaults });
    const critical = (more: Partial<Subject>) =>
      concernsOf(subject({ plan: rehearsed, ...more })).flatMap(({ id, category }) =>
        category === 'critical' ? [id] : [],
      );
    expect(critical({})).toEqual([]);
    expect(critical(ofDisk({ mode: 'independent_persistent' }))).toEqual(['disk.independent']);
    expect(critical({ method: 'nfc' })).toEqual(['transfer.nfc-warm']);
  },
);

test.each([
  ['windows2019srv_64Guest', true],
  ['winNetStandardGuest', true],
  ['debian12_64Guest', undefined],
  ['darwin21_64Guest', undefined],
])('target - a guest that vSphere calls %s is a Windows: %s', (guestId, windows) => {
  expect(resolve(plan(), entry, { ...vm, guestId }, maps).windows).toBe(windows);
});

test.each([
  [{}, 'virtio', 'virtio'],
  [{ convert: 'auto', diskBus: 'scsi', nicModel: 'e1000e' }, 'scsi', 'e1000e'],
  [{ convert: 'none' }, 'sata', 'e1000e'],
  [{ convert: 'none', diskBus: 'virtio' }, 'virtio', 'e1000e'],
  [{ convert: 'none', diskBus: 'virtio', nicModel: 'virtio' }, 'virtio', 'virtio'],
])('target - with %j its disks are on %s and its NICs %s', (defaults, bus, model) => {
  const { disks, nics } = resolve(plan({ defaults }), entry, vm, maps);
  expect([disks.map((each) => each.bus), nics.map((each) => each.model)]).toEqual([[bus], [model]]);
});

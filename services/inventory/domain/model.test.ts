import { sourceVmSchema } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { Model, type Update } from './model.ts';

const put = (type: string, value: string, properties: object, kind: Update['kind'] = 'enter'): Update => ({
  kind,
  ref: { type, value },
  properties: properties as Update['properties'],
});
const at = (type: string, value: string) => ({ type, value });
const inFolder = (value: string) => ({ parent: at('Folder', value) });
const hardware = { $type: 'VirtualHardware', numCPU: '2', numCoresPerSocket: '1', memoryMB: '512' };
const vm = (id: string, name: string, folder = 'group-v4', more: object = {}) =>
  put('VirtualMachine', id, { name, ...inFolder(folder), 'config.hardware': hardware, ...more });

const tree = [
  put('Folder', 'group-d1', { name: 'Datacenters' }),
  put('Datacenter', 'dc-2', { name: 'DC0', ...inFolder('group-d1') }),
  put('Folder', 'group-v3', { name: 'vm', parent: at('Datacenter', 'dc-2') }),
  put('Folder', 'group-v4', { name: 'web', ...inFolder('group-v3') }),
];

function model(...updates: Update[]): Model {
  const made = new Model();
  made.apply([...tree, ...updates]);
  return made;
}

test('path - from the data centre down, without the root; the order in which objects come does not matter', () => {
  const made = new Model();
  made.apply([vm('vm-1', 'web-01'), ...tree.toReversed()]);
  expect(made.vms()[0]?.path).toBe('/DC0/vm/web/web-01');
  expect(made.path('group-d1')).toBe('');
  expect(made.path(undefined)).toBe('');
});

test('path - a folder that is renamed or moved takes its VMs along', () => {
  const made = model(vm('vm-1', 'web-01'));
  made.apply([put('Folder', 'group-v4', { name: 'shop' }, 'modify')]);
  expect(made.vms()[0]?.path).toBe('/DC0/vm/shop/web-01');
  made.apply([put('Folder', 'group-v4', { parent: at('Datacenter', 'dc-2') }, 'modify')]);
  expect(made.vms()[0]?.path).toBe('/DC0/shop/web-01');
});

test('path - folders that hold each other end, and a VM without a folder has its name', () => {
  const made = model(
    put('Folder', 'a', { name: 'a', ...inFolder('b') }),
    put('Folder', 'b', { name: 'b', ...inFolder('a') }),
  );
  expect(made.path('a').length).toBeGreaterThan(0);
  const alone = model(put('VirtualMachine', 'vm-1', { name: 'alone', 'config.hardware': hardware }));
  expect(alone.vms()[0]?.path).toBe('/alone');
});

test('vm - a name with signs that vSphere escapes', () => {
  const [found] = model(vm('vm-1', '50%25 a%2fb%5cc')).vms();
  expect(found).toMatchObject({ name: '50% a/b\\c', path: '/DC0/vm/web/50%25 a%2fb%5cc' });
});

test('vm - one whose configuration cannot be read is left out, and comes when it can', () => {
  const made = model(put('VirtualMachine', 'vm-1', { name: 'web-01', ...inFolder('group-v4') }));
  expect(made.vms()).toEqual([]);
  made.apply([put('VirtualMachine', 'vm-1', { 'config.hardware': hardware }, 'modify')]);
  expect(made.vms()).toHaveLength(1);
});

test('vm - with the least that vCenter tells it still fits the schema', () => {
  const [found] = model(vm('vm-1', 'web-01')).vms();
  expect(sourceVmSchema.parse(found)).toEqual(found);
  expect(found).toMatchObject({ powerState: 'poweredOff', firmware: 'bios', disks: [], nics: [], snapshots: 0 });
  expect(found).not.toHaveProperty('changeTrackingSupported');
});

test('vm - with all that it tells', () => {
  const leaf = { snapshot: at('VirtualMachineSnapshot', 's') };
  const made = model(
    put('HostSystem', 'host-1', { name: 'esx-1' }),
    vm('vm-1', 'web-01', 'group-v4', {
      'runtime.powerState': 'poweredOn',
      'runtime.host': at('HostSystem', 'host-1'),
      'config.template': 'false',
      'config.firmware': 'efi',
      'config.bootOptions': { efiSecureBootEnabled: 'true' },
      'config.changeTrackingEnabled': true,
      'capability.changeTrackingSupported': 'false',
      'guest.toolsRunningStatus': 'guestToolsRunning',
      'guest.ipStack': [
        {
          dnsConfig: { ipAddress: ['10.0.0.53', '10.0.0.54'] },
          ipRouteConfig: {
            ipRoute: [
              { prefixLength: '24', network: '10.0.0.0', gateway: {} },
              { prefixLength: '0', network: '0.0.0.0', gateway: { ipAddress: '10.0.0.1' } },
            ],
          },
        },
      ],
      snapshot: { rootSnapshotList: { ...leaf, childSnapshotList: [leaf, { ...leaf, childSnapshotList: leaf }] } },
    }),
  );
  expect(made.vms()[0]).toMatchObject({
    powerState: 'poweredOn',
    host: { id: 'host-1', name: 'esx-1' },
    template: false,
    firmware: 'efi',
    secureBoot: true,
    changeTracking: true,
    changeTrackingSupported: false,
    toolsRunning: true,
    gateway: '10.0.0.1',
    dns: ['10.0.0.53', '10.0.0.54'],
    snapshots: 4,
  });
});

test('changes - modified ones lie over what is known, unset ones are gone, and so is who left', () => {
  const made = model(vm('vm-1', 'a', 'group-v4', { snapshot: { rootSnapshotList: {} } }), vm('vm-2', 'b'));
  made.apply([put('VirtualMachine', 'vm-1', { 'runtime.powerState': 'poweredOn', snapshot: undefined }, 'modify')]);
  expect(made.vms()[0]).toMatchObject({ name: 'a', powerState: 'poweredOn', snapshots: 0 });
  made.apply([put('VirtualMachine', 'vm-1', {}, 'leave')]);
  expect(made.vms().map(({ id }) => id)).toEqual(['vm-2']);
});

test('records - networks of three kinds, datastores, hosts', () => {
  const made = model(
    put('Network', 'network-7', { name: 'VM Network', ...inFolder('group-v3') }),
    put('DistributedVirtualPortgroup', 'dvportgroup-9', { name: 'vlan21', key: 'k9', ...inFolder('group-v3') }),
    put('OpaqueNetwork', 'network-o8', { name: 'nsx' }),
    put('Datastore', 'datastore-1', {
      name: 'fast',
      summary: { type: 'VMFS', capacity: '10', freeSpace: '4', accessible: 'true' },
    }),
    put('Datastore', 'datastore-2', { name: 'lost' }),
    put('HostSystem', 'host-1', { name: 'esx-1', 'runtime.inMaintenanceMode': 'true' }),
  );
  expect(made.records('networks').map((each) => 'type' in each && each.type)).toEqual([
    'network',
    'dvportgroup',
    'opaque',
  ]);
  expect(made.portgroup('k9')).toEqual({ id: 'dvportgroup-9', name: 'vlan21' });
  expect(made.portgroup('none')).toBeUndefined();
  expect(made.records('datastores')).toMatchObject([
    { name: 'fast', type: 'VMFS', capacityBytes: 10, freeBytes: 4, accessible: true },
    { name: 'lost', type: '', capacityBytes: 0, freeBytes: 0, accessible: false },
  ]);
  expect(made.records('hosts')).toMatchObject([{ name: 'esx-1', connectionState: 'unknown', maintenance: true }]);
});

test('folders - by path, without the root: what each is, what it may hold, and how many VMs lie in it', () => {
  const child = (...types: string[]) => ({ childType: types });
  const made = model(
    vm('vm-1', 'web-01'),
    vm('vm-2', 'web-02'),
    put('Folder', 'group-v4', child('Folder', 'VirtualMachine', 'VirtualApp'), 'modify'),
    put('Folder', 'group-h5', {
      name: 'host',
      parent: at('Datacenter', 'dc-2'),
      ...child('Folder', 'ComputeResource'),
    }),
    put('Folder', 'group-d6', { name: 'Europe', ...inFolder('group-d1'), ...child('Folder', 'Datacenter') }),
  );
  const rows = made.records('folders') as unknown as Record<string, unknown>[];
  expect(rows.map(({ path, type, holds, vms }) => [path, type, holds, vms])).toEqual([
    ['/DC0', 'datacenter', undefined, 0],
    ['/DC0/host', 'folder', 'hosts', 0],
    ['/DC0/vm', 'folder', undefined, 0],
    ['/DC0/vm/web', 'folder', 'vms', 2],
    ['/Europe', 'folder', 'datacenters', 0],
  ]);
});

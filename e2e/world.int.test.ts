import { type Ref, VSphere } from '@tranship/vsphere';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { startVCenter, type VCenter } from '../lab/testing/vcenter.ts';

/** As people are told of it; what a cluster of the target shall be is not vCenter's. */
const told = parse(`
  seed: 7
  vcenter: {datacenters: 1, clusters: 1, hosts: 2, datastores: [{name: fast-ds, capacityGB: 500}], networks: [{name: VM Network}, {name: vlan21, type: dvportgroup}]}
  overlays:
  - object: /DC0/host/C0
    set: {configurationEx: {_typeName: ClusterConfigInfoEx, drsConfig: {enabled: true, defaultVmBehavior: fullyAutomated}, rule: [{_typeName: ClusterAntiAffinityRuleSpec, key: 1, name: apart, enabled: true}]}}
  - {object: /DC0/host/C0/esx-1, set: {runtime: {inMaintenanceMode: true}}}
  - {object: /DC0/datastore/fast-ds, set: {summary: {freeSpace: 7516192768}}}
  - {object: /DC0/network/vlan21, set: {config: {defaultPortConfig: {_typeName: VMwareDVSPortSetting, vlan: {_typeName: VmwareDistributedVirtualSwitchVlanIdSpec, vlanId: 21}}}}}
  vms:
  - name: web-01
    power: on
    host: esx-1
    network: {mac: 00:50:56:aa:bb:01, address: 192.168.76.10/24, gateway: 192.168.76.2, manager: ifupdown}
    disks: [{sizeGB: 0.01}, {sizeGB: 0.01, fill: 'random:2MB'}]
    config: {}
    overlay: {}
  - {name: web-02}
  fleet: {count: 4, prefix: fleet-}
  cluster: {storageClasses: [{name: fast, default: true, volumeMode: Filesystem}, {name: block, volumeMode: Block}], networks: [{name: apps/vlan21}]}
`);

type Found = Record<string, unknown>;

/** All of vCenter, as our own client sees it. */
async function seen<T>(
  spec: object,
  look: (all: (type: string) => Found[], client: VSphere) => Promise<T>,
): Promise<T> {
  const vcenter: VCenter = await startVCenter(spec);
  const { url, ca, username, password } = vcenter;
  const client = new VSphere({ url, trust: { ca }, login: async () => ({ username, password }) });
  const sets = {
    Datacenter: ['name'],
    ClusterComputeResource: ['name', 'parent', 'configurationEx'],
    HostSystem: ['name', 'parent', 'runtime.inMaintenanceMode', 'runtime.connectionState', 'summary.config.name'],
    Datastore: ['name', 'summary'],
    DistributedVirtualPortgroup: ['name', 'config'],
    VirtualMachine: ['name', 'runtime.host', 'network'],
  };
  const found: (Found & { ref: Ref })[] = [];
  const stop = new AbortController();
  try {
    for await (const updates of client.follow(sets, stop.signal)) {
      if (updates.length === 0) break;
      for (const { ref, properties } of updates) found.push({ ref, id: ref.value, ...properties });
    }
    return await look((type) => found.filter(({ ref }) => ref.type === type), client);
  } finally {
    stop.abort();
    await client.close();
    await vcenter.stop();
  }
}
const named = (all: Found[], name: string) => all.find((each) => each.name === name)!;

test('world - what people are told of it comes up: objects, overlays, VMs on their hosts, a fleet over all of them', async () => {
  await seen(told, async (all, client) => {
    expect(all('ClusterComputeResource')).toMatchObject([
      { name: 'C0', configurationEx: { rule: { $type: 'ClusterAntiAffinityRuleSpec', name: 'apart' } } },
    ]);
    const hosts = all('HostSystem');
    expect(named(hosts, 'esx-0')).toMatchObject({ 'runtime.inMaintenanceMode': false });
    expect(named(hosts, 'esx-1')).toMatchObject({
      ...{
        'runtime.inMaintenanceMode': true,
        'runtime.connectionState': 'connected',
        'summary.config.name': 'esx-1',
      },
    });
    expect(named(all('DistributedVirtualPortgroup'), 'vlan21').config).toMatchObject({
      defaultPortConfig: { vlan: { vlanId: '21' } },
    });
    const on = (vm: string) => named(all('VirtualMachine'), vm)['runtime.host'];
    const host = (name: string) => expect.objectContaining({ value: named(hosts, name).id });
    expect(on('web-01')).toEqual(host('esx-1'));
    expect(on('web-02')).toEqual(host('esx-0'));
    expect(on('fleet-00000')).toEqual(host('esx-0'));
    expect(on('fleet-00001')).toEqual(host('esx-1'));
    // As the product reads it: asked anew first.
    const store = { type: 'Datastore', value: String(named(all('Datastore'), 'fast-ds').id) };
    await client.call(store, 'RefreshDatastore');
    const [read] = await client.read([store], ['summary']);
    expect(read?.properties.summary).toMatchObject({ capacity: String(500 * 1024 ** 3), freeSpace: '7516192768' });
  });
});

test('world - several data centres and clusters: each has the datastores and networks, VMs lie where their host is', async () => {
  const spec = {
    ...{ vcenter: { datacenters: 2, clusters: 2, hosts: 2, networks: [{ name: 'vlan21', type: 'dvportgroup' }] } },
    vms: ['esx-0', 'esx-7'].map((host) => ({
      ...{ name: `on-${host}`, host, disks: [{ sizeGB: 0.01 }] },
      network: { mac: '00:50:56:aa:bb:01', name: 'vlan21' },
    })),
    overlays: [{ object: '/DC1/host/C1/esx-7', set: { runtime: { inMaintenanceMode: true } } }],
  };
  await seen(spec, async (all) => {
    const names = (type: string) =>
      all(type)
        .map(({ name }) => name)
        .sort();
    expect(names('Datacenter')).toEqual(['DC0', 'DC1']);
    expect(names('ClusterComputeResource')).toEqual(['C0', 'C0', 'C1', 'C1']);
    expect(names('HostSystem')).toEqual(Array.from({ length: 8 }, (_, i) => `esx-${i}`));
    expect(names('Datastore')).toEqual(['fast-ds', 'fast-ds']);
    expect(all('HostSystem').filter((host) => host['runtime.inMaintenanceMode'] === true)).toMatchObject([
      { name: 'esx-7' },
    ]);
    const [one, other] = ['on-esx-0', 'on-esx-7'].map((name) =>
      JSON.stringify(named(all('VirtualMachine'), name).network),
    );
    expect(one).not.toBe(other);
  });
});

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readWorld, worldSchema } from './schema.ts';
import { vcsimWorld } from './vcsim.ts';

const read = (path: string) => readWorld(fileURLToPath(new URL(path, import.meta.url)));

test.each([
  'demo.yaml',
  'small.yaml',
  '../../e2e/world.yaml',
  '../../e2e/matrix/world.yaml',
  '../../e2e/appliance/world.yaml',
])('world - %s is one, and names no host, datastore or network that it has not', (path) => {
  const { vcenter, vms } = read(path).spec;
  expect(vms.length).toBeGreaterThan(0);
  const names = (of: readonly { name: string }[]) => of.map(({ name }) => name);
  for (const { disks, network, networks, host } of vms) {
    const stores = disks.flatMap(({ datastore }) => datastore ?? []);
    expect(names(vcenter.datastores)).toEqual(expect.arrayContaining(stores));
    const nics = [...(network ? [network] : []), ...networks];
    expect(['VM Network', ...names(vcenter.networks)]).toEqual(expect.arrayContaining(names(nics)));
    expect(Number(host?.slice('esx-'.length) ?? 0)).toBeLessThan(vcenter.hosts * vcenter.clusters);
  }
});

test('world - what is not known of a vCenter is refused, a host is handed on', () => {
  const parse = (spec: object) => worldSchema.parse({ kind: 'World', spec });
  expect(() => parse({ vcenter: { racks: 1 } })).toThrow('racks');
  expect(() => parse({ overlays: [{ object: 'C0', set: {} }] })).toThrow('overlays');
  const world = vcsimWorld(
    parse({ vcenter: { hosts: 2 }, vms: [{ name: 'a', host: 'esx-1' }, { name: 'b' }] }),
    new Map(),
  );
  expect(world).toMatchObject({
    datacenters: 1,
    clusters: 1,
    hosts: 2,
    vms: [{ name: 'a', host: 'esx-1' }, { name: 'b' }],
  });
});

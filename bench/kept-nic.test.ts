import { expect, test } from 'vitest';
import { keptNic } from './kept-nic.ts';

const nic = { mac: '00:50:56:aa:bb:77', name: 'ens192', address: '192.168.76.77/24' };
const file = { manager: 'ifupdown', file: '/etc/network/interfaces', addresses: [] as string[] };
const byName = { ...file, name: 'ens192', addresses: [nic.address] };
const link = { ...file, manager: 'link', name: 'ens192', mac: nic.mac };

test.each([
  ['its name is given by MAC, and the address by its name', [link, byName], { name: true, address: true }],
  ['no file gives the name by MAC: the address goes with it', [byName], { name: false, address: false }],
  ['another address is given', [link, { ...byName, addresses: ['192.168.76.78/24'] }], { name: true, address: false }],
  [
    'the name is given to another MAC',
    [{ ...link, mac: '00:50:56:aa:bb:78' }, byName],
    { name: false, address: false },
  ],
  [
    'the address is given by MAC alone',
    [{ ...file, mac: nic.mac, addresses: [nic.address] }],
    { name: false, address: true },
  ],
  ['nothing is said', [], { name: false, address: false }],
])('kept NIC - %s', (_, configs, kept) => {
  expect(keptNic({ network: { managers: [], configs } }, nic)).toEqual(kept);
});

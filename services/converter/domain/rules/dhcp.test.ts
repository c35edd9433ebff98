import { expect, test } from 'vitest';
import { textIn, tree } from '../../testing/tree.ts';
import type { Nic } from '../nic-names.ts';
import { together } from '../part.ts';
import { planNetwork } from '../plan.ts';
import { siphash } from '../siphash.ts';
import { dhcpRule, iaidOf } from './dhcp.ts';

const a = { mac: '00:50:56:aa:00:01', addresses: [], slot: 192 };
const b = { mac: '00:50:56:aa:00:02', addresses: [], slot: 224 };
const plan = (files: Record<string, string>, nics: readonly Nic[] = [a]) => together([dhcpRule(tree(files, { nics }))]);
const network = '/etc/systemd/network/10-a.network';
const dropIn = `${network}.d/10-tranship-dhcp.conf`;
const asks = (match: string, more = '') => `[Match]\n${match}\n[Network]\nDHCP=yes\n${more}`;

test('dhcp - the number that networkd makes of a name, as DHCP servers have seen it', () => {
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i));
  expect(siphash(bytes(16), bytes(15))).toBe(0xa129ca6149be45e5n);
  // Client identifiers `ff:9f:6e:85:24:00:02…` of vSphere's first slot, `ff:b5:5e:67:ff:00:02…` of a plain KVM's.
  expect([iaidOf('ens160'), iaidOf('ens3')]).toEqual([0x9f6e8524, 0xb55e67ff]);
});

const number = (name: string) => `[DHCPv4]\nIAID=${iaidOf(name)}\n[DHCPv6]\nIAID=${iaidOf(name)}\n`;

test('dhcp - networkd stays the same client: by name, by MAC, by what can mean one NIC alone', () => {
  const text = number('ens192');
  expect(textIn(plan({ [network]: asks('Name=ens192') }), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('MACAddress=00:50:56:AA:00:01') }, [a, b]), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('PermanentMACAddress=00:50:56:AA:00:01') }, [a, b]), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('Name=en*') }), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('Type=ether') }), dropIn)).toBe(text);
  const names = { '/etc/systemd/network/20-b.network': asks('Name=ens224') };
  expect(textIn(plan({ ...names, [network]: asks('Name=ens19*') }, [a, b]), dropIn)).toBe(text);
});

test.each([
  ['yes', number('ens192')],
  ['ipv4', number('ens192')],
  ['ipv6', number('ens192')],
  ['v6', number('ens192')],
  ['no', undefined],
])('dhcp - DHCP=%s', (value, text) => {
  expect(textIn(plan({ [network]: asks('Name=ens192').replace('yes', value) }), dropIn)).toBe(text);
});

test.each([
  ['a number for all', 'yes', '[DHCPv4]\nIAID=7\n', undefined],
  ['one of an older section', 'yes', '[DHCP]\nIAID=7\n', undefined],
  ['one for DHCPv6 alone, which stays', 'yes', '[DHCPv6]\nIAID=7\n', number('ens192').split('[DHCPv6]')[0]],
  ['one for DHCPv6 where nothing else is asked for', 'ipv6', '[DHCPv6]\nIAID=7\n', undefined],
  ['the MAC for its number', 'ipv4', '[DHCPv4]\nClientIdentifier=mac\n', undefined],
  ['the MAC for its number, but not in DHCPv6', 'yes', '[DHCPv4]\nClientIdentifier=mac\n', number('ens192')],
])('dhcp - what has %s', (_, value, more, text) => {
  expect(textIn(plan({ [network]: asks('Name=ens192', more).replace('yes', value) }), dropIn)).toBe(text);
});

test('dhcp - its place gives the number, whatever it is called', () => {
  const none = { '/boot/grub/grub.cfg': 'linux /vmlinuz root=/dev/sda1 net.ifnames=0\n' };
  expect(textIn(plan({ ...none, [network]: asks('Name=eth0') }), dropIn)).toBe(number('ens192'));
  const named = { '/etc/systemd/network/10-lan.link': '[Match]\nMACAddress=00:50:56:aa:00:01\n[Link]\nName=lan\n' };
  expect(textIn(plan({ ...named, [network]: asks('Name=lan') }), dropIn)).toBe(number('ens192'));
  // The fourth port's second function, and so on.
  expect(textIn(plan({ [network]: asks('Name=eth0') }, [{ ...a, slot: 1184 }]), dropIn)).toBe(number('ens161'));
});

test('dhcp - without a slot the name that udev made of it gives it; where nothing does, it is told', () => {
  const unplaced = [{ mac: a.mac, addresses: [] }];
  expect(textIn(plan({ [network]: asks('Name=ens192') }, unplaced), dropIn)).toBe(number('ens192'));
  const { changes, concerns } = plan({ [network]: asks('Name=eth0') }, unplaced);
  expect(changes).toEqual([]);
  expect(concerns).toMatchObject([{ id: 'guest.dhcp-client', path: network, why: expect.stringContaining(a.mac) }]);
});

test('dhcp - a file that stands for several NICs cannot hold the number of each: it is told', () => {
  const { changes, concerns } = plan({ [network]: asks('Name=en*') }, [a, b]);
  expect(changes).toEqual([]);
  expect(concerns).toMatchObject([{ id: 'guest.dhcp-client', why: expect.stringContaining(`${a.mac}, ${b.mac}`) }]);
});

test.each([
  ['a static address', asks('Name=ens192').replace('yes', 'no')],
  ['a bridge', asks('Name=br0')],
  ['VLANs', asks('Type=vlan')],
  ['what is made by a kind', asks('Kind=veth')],
  ['another machine', asks('MACAddress=00:50:56:00:00:09')],
  ['nothing', '[Network]\nDHCP=yes\n'],
])('dhcp - a file for %s is left, and nothing is told', (_, text) => {
  expect(
    plan({ [network]: text, '/etc/systemd/network/20-b.network': asks('Name=ens192', '[DHCP]\nIAID=1\n') }),
  ).toMatchObject({
    ...{ changes: [], concerns: [] },
  });
});

const made = '/etc/systemd/network/10-netplan-ens192.network.d/10-tranship-dhcp.conf';
const netplan = (lines: string) => ({
  '/etc/netplan/50-cloud-init.yaml': `network:\n  version: 2\n  ethernets:\n    ens192:\n${lines}`,
});

test.each([
  ['dhcp4: true', number('ens192')],
  ['dhcp4: yes', number('ens192')],
  ['dhcp6: true', number('ens192')],
  ['dhcp4: false', undefined],
  ['dhcp4: true\n      dhcp-identifier: mac', undefined],
  ['dhcp4: true\n      match: {macaddress: "00:50:56:AA:00:01"}\n      set-name: lan', number('ens192')],
])('dhcp - netplan’s files for networkd are made at each start, ours stand beside them: %s', (line, text) => {
  expect(textIn(plan(netplan(`      ${line}\n`)), made)).toBe(text);
});

test('dhcp - netplan’s are left where NetworkManager reads them', () => {
  const managed = Object.entries(netplan('      dhcp4: true\n')).map(([path, text]) => [
    path,
    text.replace('version: 2', 'renderer: NetworkManager'),
  ]);
  expect(plan(Object.fromEntries(managed)).changes).toEqual([]);
});

test('dhcp - what virt-v2v has converted keeps its numbers too', () => {
  const { changes } = planNetwork(tree({ [network]: asks('Name=ens192') }, { nics: [a] }));
  expect(textIn({ changes }, dropIn)).toBe(number('ens192'));
});

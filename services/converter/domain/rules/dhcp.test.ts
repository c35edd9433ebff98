import { expect, test } from 'vitest';
import { textIn, tree } from '../../testing/tree.ts';
import { together } from '../part.ts';
import { siphash } from '../siphash.ts';
import { dhcpRule, iaidOf } from './dhcp.ts';

const a = { mac: '00:50:56:aa:00:01', addresses: [], slot: 192 };
const b = { mac: '00:50:56:aa:00:02', addresses: [], slot: 224 };
const plan = (files: Record<string, string>, nics = [a]) => together([dhcpRule(tree(files, { nics }))]);
const network = '/etc/systemd/network/10-a.network';
const dropIn = `${network}.d/10-tranship-dhcp.conf`;
const asks = (match: string, more = '') => `[Match]\n${match}\n[Network]\nDHCP=yes\n${more}`;

test('dhcp - the number that networkd makes of a name, as DHCP servers have seen it', () => {
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i));
  expect(siphash(bytes(16), bytes(15))).toBe(0xa129ca6149be45e5n);
  // Client identifiers `ff:9f:6e:85:24:00:02…` of vSphere's first slot, `ff:b5:5e:67:ff:00:02…` of a plain KVM's.
  expect([iaidOf('ens160'), iaidOf('ens3')]).toEqual([0x9f6e8524, 0xb55e67ff]);
});

test('dhcp - networkd stays the same client: by name, by MAC, by a pattern that can mean one NIC alone', () => {
  const text = `[DHCPv4]\nIAID=${iaidOf('ens192')}\n`;
  expect(textIn(plan({ [network]: asks('Name=ens192') }), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('MACAddress=00:50:56:AA:00:01') }, [a, b]), dropIn)).toBe(text);
  expect(textIn(plan({ [network]: asks('Name=en*') }), dropIn)).toBe(text);
  expect(plan({ [network]: asks('Name=en*') }, [a, b]).changes).toEqual([]);
});

test('dhcp - what has a number already, a static address, or a name that is not of its slot is left', () => {
  expect(plan({ [network]: asks('Name=ens192', '[DHCPv4]\nIAID=7\n') }).changes).toEqual([]);
  expect(plan({ [network]: asks('Name=ens192').replace('yes', 'no') }).changes).toEqual([]);
  expect(plan({ [network]: asks('Name=eth0') }).changes).toEqual([]);
});

test('dhcp - netplan’s files for networkd are made at each start: ours stand beside them, unless NetworkManager reads them', () => {
  const yaml = 'network:\n  version: 2\n  ethernets:\n    ens192:\n      dhcp4: true\n';
  const made = '/etc/systemd/network/10-netplan-ens192.network.d/10-tranship-dhcp.conf';
  expect(textIn(plan({ '/etc/netplan/50-cloud-init.yaml': yaml }), made)).toContain(`IAID=${iaidOf('ens192')}`);
  const managed = yaml.replace('version: 2', 'renderer: NetworkManager');
  expect(plan({ '/etc/netplan/50-cloud-init.yaml': managed }).changes).toEqual([]);
});

import { expect, test } from 'vitest';
import { textIn, tree } from '../../testing/tree.ts';
import { ifupdownSources } from '../network/ifupdown.ts';
import type { Nic } from '../nic-names.ts';
import { type Part, together } from '../part.ts';
import { networkRule } from './network.ts';

const a: Nic = { mac: '00:50:56:AA:00:01', addresses: ['10.0.0.5'], slot: 192 };
const b: Nic = { mac: '00:50:56:aa:00:02', addresses: ['10.0.0.6', 'fe80::1'], slot: 224 };
const bare = (nic: Nic): Nic => ({ mac: nic.mac, addresses: nic.addresses });
const plan = (files: Record<string, string>, nics: readonly Nic[], given = {}) =>
  together([networkRule(tree(files, { nics, ...given }))]);
const names = ({ nics = [] }: Part) => Object.fromEntries(nics.map(({ mac, name }) => [mac.slice(-2), name]));
const link = (name: string) => `/etc/systemd/network/10-tranship-${name}.link`;

test('ifupdown - auto and allow-hotplug, each NIC by its address, MACs without case', () => {
  const interfaces = [
    'auto lo\niface lo inet loopback',
    'allow-hotplug ens224\niface ens224 inet static\n  address 10.0.0.6/24',
    'auto ens192\niface ens192 inet static\n  address 10.0.0.5/24\n  gateway 10.0.0.1',
  ].join('\n');
  const found = plan({ '/etc/network/interfaces': interfaces }, [bare(a), bare(b)]);
  expect(names(found)).toEqual({ '01': 'ens192', '02': 'ens224' });
  expect(textIn(found, link('ens192'))).toContain('MACAddress=00:50:56:aa:00:01\nType=ether');
  expect(textIn(found, link('ens192'))).toContain('AlternativeNamesPolicy=');
  expect(textIn(found, '/etc/network/interfaces')).toBeUndefined();
});

test('ifupdown - DHCP on two NICs: told apart by the slots that systemd named them by', () => {
  const interfaces = 'auto ens224 ens192\niface ens192 inet dhcp\niface ens224 inet dhcp\n';
  const dhcp = [
    { ...a, addresses: [] },
    { ...b, addresses: [] },
  ];
  expect(names(plan({ '/etc/network/interfaces': interfaces }, dhcp))).toEqual({ '01': 'ens192', '02': 'ens224' });
  const blind = plan({ '/etc/network/interfaces': interfaces }, dhcp.map(bare));
  expect(blind.nics).toEqual([]);
  expect(blind.concerns.map(({ id, why }) => `${id}: ${why}`)).toEqual([
    'guest.nic-name: NIC 00:50:56:aa:00:01: its name is not known; it may be any of ens224, ens192',
    'guest.nic-name: NIC 00:50:56:aa:00:02: its name is not known; it may be any of ens224, ens192',
  ]);
});

test('ifupdown - aliases, a VLAN, a bridge and a bond stand on their hardware', () => {
  const interfaces = [
    'auto ens192:1\niface ens192:1 inet static\n address 10.0.0.5/24',
    'auto br0\niface br0 inet static\n address 10.0.0.6/24\n bridge_ports ens224',
  ].join('\n');
  expect(names(plan({ '/etc/network/interfaces': interfaces }, [bare(b), bare(a)]))).toEqual({
    '01': 'ens192',
    '02': 'ens224',
  });
  const vlan = 'auto ens192.30\niface ens192.30 inet static\n address 10.0.0.5/24\n';
  expect(names(plan({ '/etc/network/interfaces': vlan }, [bare(a)]))).toEqual({ '01': 'ens192' });
});

test('names - eth0 and eth1 of equal word go by the VM’s order, which is told; by address where there is one', () => {
  const dhcp = 'auto eth0 eth1\niface eth0 inet dhcp\niface eth1 inet dhcp\n';
  const found = plan({ '/etc/network/interfaces': dhcp }, [
    { ...b, addresses: [] },
    { ...a, addresses: [] },
  ]);
  expect(names(found)).toEqual({ '02': 'eth0', '01': 'eth1' });
  expect(found.concerns.map(({ id }) => id)).toEqual(['guest.nic-order']);
  const fixed = dhcp.replace('iface eth0 inet dhcp', 'iface eth0 inet static\n address 10.0.0.5/24');
  expect(names(plan({ '/etc/network/interfaces': fixed }, [bare(b), bare(a)]))).toEqual({ '01': 'eth0', '02': 'eth1' });
});

test('names - a guest without .link files gets a udev rule, behind those it has', () => {
  const rules = '/etc/udev/rules.d/70-persistent-net.rules';
  const files = {
    '/etc/network/interfaces': 'auto eth0\niface eth0 inet static\n address 10.0.0.5\n',
    [rules]: '# old',
  };
  const found = plan(files, [a], { links: false });
  expect(textIn(found, rules)).toBe(
    '# old\nSUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:00:01", ATTR{type}=="1", NAME="eth0"\n',
  );
  expect(textIn(found, link('eth0'))).toBeUndefined();
});

test('names - a udev rule or a .link file by this MAC is left alone; one of another machine counts for nothing', () => {
  const rule = (mac: string, name: string) => `SUBSYSTEM=="net", ATTR{address}=="${mac}", NAME="${name}"\n`;
  const files = {
    '/etc/udev/rules.d/70-persistent-net.rules': rule(a.mac, 'lan0') + rule('00:0c:29:00:00:01', 'eth0'),
  };
  const found = plan(files, [bare(a)]);
  expect(names(found)).toEqual({ '01': 'lan0' });
  expect(found.changes).toEqual([]);
  const byPath = '[Match]\nPath=pci-0000:0b:00.0\n[Link]\nName=uplink\n';
  const linked = plan({ '/etc/systemd/network/05-uplink.link': byPath }, [bare(a)]);
  expect(textIn(linked, link('uplink'))).toContain('Name=uplink');
});

test('names - ours is the one .link file that is applied: before the guest’s own, and with what that one sets', () => {
  const interfaces = { '/etc/network/interfaces': 'iface ens192 inet static\n  address 10.0.0.5/24\n' };
  const all = '[Match]\nOriginalName=*\n[Link]\nNamePolicy=kernel slot path\nWakeOnLan=magic\n';
  const first = plan({ ...interfaces, '/etc/systemd/network/00-wol.link': all }, [a]);
  const before = '/etc/systemd/network/0-tranship-ens192.link';
  expect(before < '/etc/systemd/network/00-wol.link').toBe(true);
  expect(textIn(first, before)).toMatch(/Name=ens192\n(.*\n)*WakeOnLan=magic\n/);
  expect(textIn(first, before)).not.toContain('NamePolicy=kernel');
  const later = plan(
    { ...interfaces, '/etc/systemd/network/50-mtu.link': `[Match]\nMACAddress=${a.mac}\n[Link]\nMTUBytes=9000\n` },
    [a],
  );
  expect(textIn(later, link('ens192'))).toContain('MTUBytes=9000');
  const other = '[Match]\nMACAddress=00:0c:29:00:00:01\n[Link]\nMTUBytes=9000\n';
  const apart = plan({ ...interfaces, '/etc/systemd/network/00-other.link': other }, [a]);
  expect(textIn(apart, link('ens192'))).not.toContain('MTUBytes');
  const driver = '[Match]\nDriver=vmxnet3\n[Link]\nName=lan0\nMTUBytes=9000\n';
  const renamed = plan({ '/etc/systemd/network/05-vmx.link': driver }, [a]);
  expect(textIn(renamed, link('lan0'))).toContain('MTUBytes=9000');
});

test('names - one that the kernel would not take is never written', () => {
  const found = plan({ '/etc/network/interfaces': 'iface a-name-far-too-long inet dhcp\niface ../../x inet dhcp\n' }, [
    bare(a),
  ]);
  expect(found.changes).toEqual([]);
  expect(found.concerns.map(({ id }) => id)).toEqual(['guest.nic-name']);
});

test('names - nothing names the NIC: it keeps the name that systemd made of its slot, unless the kernel line forbids', () => {
  expect(names(plan({ '/etc/systemd/network/a.network': '[Match]\nName=en*\n[Network]\nDHCP=yes\n' }, [a]))).toEqual({
    '01': 'ens192',
  });
  expect(names(plan({}, [{ ...a, slot: 1184 }]))).toEqual({ '01': 'ens161' });
  const grub = { '/etc/default/grub': 'GRUB_CMDLINE_LINUX="net.ifnames=0"\n' };
  expect(names(plan(grub, [a]))).toEqual({});
});

test('networkd - Name= keeps its name; Path= and Driver= become the MAC', () => {
  const files = {
    '/etc/systemd/network/10-a.network': '[Match]\nName=ens192\n\n[Network]\nAddress=10.0.0.5/24\nGateway=10.0.0.1\n',
    '/etc/systemd/network/20-b.network':
      '[Match]\nPath=pci-0000:13:00.0\nDriver=vmxnet3\n\n[Network]\nAddress=10.0.0.6/24\n',
  };
  const found = plan(files, [bare(a), bare(b)]);
  expect(names(found)).toEqual({ '01': 'ens192' });
  expect(textIn(found, '/etc/systemd/network/20-b.network')).toBe(
    '[Match]\nMACAddress=00:50:56:aa:00:02\n\n[Network]\nAddress=10.0.0.6/24\n',
  );
  expect(textIn(found, '/etc/systemd/network/10-a.network')).toBeUndefined();
});

test('networkd - a match by driver that may mean either NIC is refused by its file', () => {
  const files = { '/etc/systemd/network/a.network': '[Match]\nDriver=vmxnet3\n[Network]\nDHCP=yes\n' };
  expect(plan(files, [bare(a), bare(b)]).refusals).toMatchObject([
    { code: 'guest.network-unsupported', path: '/etc/systemd/network/a.network' },
  ]);
  expect(textIn(plan(files, [bare(a)]), '/etc/systemd/network/a.network')).toContain('MACAddress=00:50:56:aa:00:01');
});

test('netplan - by key, by MAC with set-name, with comments kept where the match changes', () => {
  const byKey = 'network:\n  version: 2\n  ethernets:\n    ens192:\n      addresses: [10.0.0.5/24]\n';
  expect(names(plan({ '/etc/netplan/01.yaml': byKey }, [bare(a)]))).toEqual({ '01': 'ens192' });
  const byMac =
    'network:\n  ethernets:\n    lan:\n      match: {macaddress: "00:50:56:AA:00:01"}\n      set-name: lan0\n';
  expect(plan({ '/etc/netplan/01.yaml': byMac }, [bare(a)])).toMatchObject({ nics: [{ name: 'lan0' }], changes: [] });
  const split = {
    '/etc/netplan/50-cloud-init.yaml':
      'network: {ethernets: {id0: {match: {macaddress: "00:50:56:aa:00:01"}, dhcp4: false}}}\n',
    '/etc/netplan/60-static.yaml': 'network: {ethernets: {id0: {addresses: [10.0.0.5/24]}}}\n',
  };
  expect(names(plan(split, [a]))).toEqual({ '01': 'ens192' });
  expect(names(plan(split, [bare(a)]))).toEqual({});
  const byDriver = [
    'network:',
    '  version: 2 # kept',
    '  ethernets:',
    '    lan:',
    '      match:',
    '        driver: vmxnet3',
    '      set-name: lan0',
    '      addresses:',
    '        - 10.0.0.6/24:',
    '            label: "lan0:1"',
    '',
  ].join('\n');
  const found = plan({ '/etc/netplan/01.yaml': byDriver }, [bare(a), bare(b)]);
  expect(textIn(found, '/etc/netplan/01.yaml')).toBe(
    byDriver.replace('driver: vmxnet3', 'macaddress: 00:50:56:aa:00:02'),
  );
  expect(names(found)).toEqual({ '02': 'lan0' });
});

test('NetworkManager - key files by name, by MAC, and by the bus, with IPv6 alone', () => {
  const file = (extra: string) => `[connection]\nid=x\ntype=ethernet\n${extra}\n`;
  const folder = '/etc/NetworkManager/system-connections';
  const found = plan(
    {
      [`${folder}/a.nmconnection`]: file('interface-name=ens192\n\n[ipv6]\nmethod=manual\naddress1=2001:DB8:0::5/64'),
      [`${folder}/b.nmconnection`]: file(
        '\n[match]\npath=pci-0000:13:00.0;\n\n[ipv4]\nmethod=manual\naddress1=10.0.0.6/24,10.0.0.1',
      ),
    },
    [{ mac: a.mac, addresses: ['2001:db8::5'] }, bare(b)],
  );
  expect(names(found)).toEqual({ '01': 'ens192' });
  expect(textIn(found, `${folder}/b.nmconnection`)).toContain('[ethernet]\nmac-address=00:50:56:aa:00:02');
  expect(textIn(found, `${folder}/b.nmconnection`)).not.toContain('path=');
});

test('NetworkManager - a profile for the MAC of another machine is stale', () => {
  const stale = '[connection]\ntype=ethernet\ninterface-name=ens160\n[ethernet]\nmac-address=00:0C:29:11:22:33\n';
  const files = {
    '/etc/NetworkManager/system-connections/old.nmconnection': stale,
    '/etc/NetworkManager/system-connections/new.nmconnection': '[connection]\ntype=ethernet\ninterface-name=ens192\n',
  };
  expect(names(plan(files, [bare(a)]))).toEqual({ '01': 'ens192' });
});

test('ifcfg - HWADDR, DEVICE, bonds and bridges above, aliases, leftovers of editors', () => {
  const folder = '/etc/sysconfig/network-scripts';
  const found = plan(
    {
      [`${folder}/ifcfg-lo`]: 'DEVICE=lo\nIPADDR=127.0.0.1\n',
      [`${folder}/ifcfg-eth0`]: 'TYPE=Ethernet\nDEVICE="eth0"\nHWADDR=00:50:56:AA:00:02\nIPADDR=10.0.0.6\nPREFIX=24\n',
      [`${folder}/ifcfg-eth0:1`]: 'DEVICE=eth0:1\nIPADDR=10.0.0.7\n',
      [`${folder}/ifcfg-bond0`]: 'DEVICE=bond0\nTYPE=Bond\nBONDING_MASTER=yes\nIPADDR=10.0.0.5\n',
      [`${folder}/ifcfg-ens192`]: "DEVICE='ens192'\nMASTER=bond0\nSLAVE=yes\n",
      [`${folder}/ifcfg-ens256.bak`]: 'DEVICE=ens256\n',
      [`${folder}/ifcfg-bond0.30`]: 'DEVICE=bond0.30\nVLAN=yes\n',
    },
    [bare(a), bare(b)],
    { os: 'rocky' },
  );
  expect(names(found)).toEqual({ '01': 'ens192', '02': 'eth0' });
});

test('ifcfg - a port of a bridge is hardware', () => {
  const file = { '/etc/sysconfig/network-scripts/ifcfg-ens192': 'DEVICE=ens192\nTYPE=Ethernet\nBRIDGE=br0\n' };
  expect(names(plan(file, [bare(a)], { os: 'rocky' }))).toEqual({ '01': 'ens192' });
});

test('ifcfg - a bridge and a VLAN tell by their addresses which NIC they stand on alone', () => {
  const redHat = '/etc/sysconfig/network-scripts';
  const files = {
    [`${redHat}/ifcfg-br0`]: 'DEVICE=br0\nTYPE=Bridge\nIPADDR=10.0.0.5\n',
    [`${redHat}/ifcfg-eth0`]: 'DEVICE=eth0\nTYPE=Ethernet\nBRIDGE=br0\n',
    [`${redHat}/ifcfg-eth1.30`]: 'DEVICE=eth1.30\nVLAN=yes\nIPADDR=10.0.0.6\n',
  };
  expect(names(plan(files, [bare(b), bare(a)], { os: 'rocky' }))).toEqual({ '01': 'eth0', '02': 'eth1' });
  const suse = {
    '/etc/sysconfig/network/ifcfg-br0': "BRIDGE='yes'\nBRIDGE_PORTS='eth0 tap0'\nIPADDR='10.0.0.5/24'\n",
    '/etc/sysconfig/network/ifcfg-vlan30': "ETHERDEVICE='eth1'\nIPADDR='10.0.0.6/24'\n",
  };
  expect(names(plan(suse, [bare(b), bare(a)], { os: 'suse' }))).toEqual({ '01': 'eth0', '02': 'eth1' });
});

test('names - a bridge on a bond of any name, or on a NIC that is known by its MAC alone, gives no NIC a name', () => {
  const nm = (name: string, text: string) => ({
    [`/etc/NetworkManager/system-connections/${name}.nmconnection`]: `[connection]\ninterface-name=${name}\n${text}`,
  });
  const yaml = (extra: string) => ({
    '/etc/netplan/01.yaml': `network:\n  ${extra}\n  bridges: {lan: {interfaces: [uplink], addresses: [10.0.0.5/24]}}\n`,
  });
  const networkd = '/etc/systemd/network';
  const all: Record<string, string>[] = [
    yaml('bonds: {uplink: {interfaces: [ens192, ens224]}}\n  ethernets: {ens192: {}, ens224: {}}'),
    yaml('ethernets: {uplink: {match: {macaddress: "00:50:56:aa:00:01"}}}'),
    {
      ...nm('lan', 'type=bridge\n[ipv4]\naddress1=10.0.0.5/24\n'),
      ...nm('uplink', 'type=bond\ncontroller=lan\n'),
    },
    {
      [`${networkd}/lan.network`]: '[Match]\nName=lan\n[Network]\nAddress=10.0.0.5/24\n',
      [`${networkd}/uplink.network`]: '[Match]\nName=uplink\n[Network]\nBridge=lan\n',
      [`${networkd}/ports.network`]: '[Match]\nName=ens192 ens224\n[Network]\nBond=uplink\n',
    },
    {
      '/etc/sysconfig/network-scripts/ifcfg-lan': 'DEVICE=lan\nTYPE=Bridge\nIPADDR=10.0.0.5\n',
      '/etc/sysconfig/network-scripts/ifcfg-uplink': 'DEVICE=uplink\nTYPE=Bond\nBRIDGE=lan\n',
    },
  ];
  for (const files of all) expect(plan(files, [bare(a), bare(b)])).toMatchObject({ nics: [], changes: [] });
});

test('NetworkManager - a VLAN on a MAC names no NIC', () => {
  const vlan =
    '[connection]\ntype=vlan\ninterface-name=vlan30\n[vlan]\nparent=00:50:56:AA:00:02\n[ipv4]\naddress1=10.0.0.5/24\n';
  expect(plan({ '/etc/NetworkManager/system-connections/v.nmconnection': vlan }, [bare(a)]).nics).toEqual([]);
});

test('wicked - eth0 and eth1 by their addresses, though SUSE and the VM order them otherwise', () => {
  const found = plan(
    {
      '/etc/sysconfig/network/ifcfg-eth0': "BOOTPROTO='static'\nIPADDR='10.0.0.6/24'\nSTARTMODE='auto'\n",
      '/etc/sysconfig/network/ifcfg-eth1': "BOOTPROTO='static'\nIPADDR_0='10.0.0.5/24'\nSTARTMODE='auto'\n",
      '/etc/sysconfig/network/ifcfg-eth7': "BOOTPROTO='dhcp'\nSTARTMODE='off'\n",
      '/etc/udev/rules.d/70-persistent-net.rules': '',
    },
    [bare(a), bare(b)],
    { os: 'suse' },
  );
  expect(names(found)).toEqual({ '01': 'eth1', '02': 'eth0' });
});

test('addresses - several NICs on one network are told apart by the whole address; a difference is told, the files win', () => {
  const interfaces =
    'iface ens192 inet static\n address 10.0.0.5/24\niface ens224 inet static\n address 10.0.0.60/24\n';
  const found = plan({ '/etc/network/interfaces': interfaces }, [bare(a), bare(b)]);
  expect(names(found)).toEqual({ '01': 'ens192', '02': 'ens224' });
  expect(found.concerns).toMatchObject([
    {
      id: 'guest.address-differs',
      why: 'NIC 00:50:56:aa:00:02: its files say 10.0.0.60/24, vSphere 10.0.0.6, fe80::1',
    },
  ]);
});

test('addresses - one that vSphere reports beside the static ones of the files was added by hand: it is told; DHCP and link-local say nothing', () => {
  const files = { '/etc/network/interfaces': 'iface ens192 inet static\n address 10.0.0.5/24\n' };
  const nic = (...addresses: string[]) => plan(files, [{ mac: a.mac, addresses }]).concerns.map(({ why }) => why);
  expect(nic('10.0.0.5', '10.0.0.99', 'fe80::1')).toEqual([
    'NIC 00:50:56:AA:00:01: vSphere reports 10.0.0.99 too, which none of its files gives: it will not come back by itself',
  ]);
  expect(nic('10.0.0.5', 'fe80::1', '2001:db8::77')).toEqual([]);
  const dhcp = { '/etc/network/interfaces': 'iface ens192 inet dhcp\n' };
  expect(plan(dhcp, [{ mac: a.mac, addresses: ['10.0.0.7'] }]).concerns).toEqual([]);
});

test('ifupdown - the files that it draws in by pattern, whatever the pattern costs another matcher', () => {
  const [source] = ifupdownSources('source /etc/network/interfaces.d/e*[s]?-*.cfg\n');
  expect(source!.matches('en[s]1-a.cfg')).toBe(true);
  expect(source!.matches('ens1-a.cfg')).toBe(false);
  const [stars] = ifupdownSources(`source /etc/network/interfaces.d/${'a*'.repeat(120)}b\n`);
  const began = process.cpuUsage();
  expect(stars!.matches('a'.repeat(255))).toBe(false);
  expect(process.cpuUsage(began).user / 1e6).toBeLessThan(5);
});

test('others - what a manager that is not known here configures is refused by its file, where no name is known without it', () => {
  const others = {
    '/etc/wicked/ifconfig/lan.xml': '<interface><name>eth0</name></interface>\n',
    '/var/lib/connman/lan.config': '[service_lan]\nType=ethernet\nIPv4=10.0.0.5/24\n',
    '/etc/netctl/lan': 'Interface=eth0\nConnection=ethernet\n',
    '/etc/dhcpcd.conf': 'interface eth0\nstatic ip_address=10.0.0.5/24\n',
  };
  for (const [path, text] of Object.entries(others)) {
    expect(plan({ [path]: text }, [bare(a)]).refusals).toMatchObject([{ code: 'guest.network-unsupported', path }]);
    const named = { [path]: text, '/etc/network/interfaces': 'iface ens192 inet dhcp\n' };
    expect(plan(named, [bare(a)]).refusals).toEqual([]);
  }
  expect(plan({ '/etc/dhcpcd.conf': 'option rapid_commit\n' }, [bare(a)]).refusals).toEqual([]);
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { extDisk, kernel, textIn, tree } from '../../testing/tree.ts';
import type { Esp } from '../esp.ts';
import { makerOf } from '../initramfs.ts';
import type { Nic } from '../nic-names.ts';
import { type Part, together } from '../part.ts';
import type { Disk } from '../volumes.ts';
import { bootRule } from './boot.ts';
import { devicesRule } from './devices.ts';
import { dhcpRule } from './dhcp.ts';
import { driversRule } from './drivers.ts';
import { fallbackRule } from './fallback.ts';
import { networkRule } from './network.ts';

// What the tools' own packages wrote (testing/fixtures/make.sh). NICs have no slot: names come from the files alone.
const folder = fileURLToPath(new URL('../../testing/fixtures/trees/', import.meta.url));
const suites = readdirSync(folder);
const nic = (i: number, ...addresses: string[]): Nic => ({ mac: `00:50:56:aa:00:0${i}`, addresses });

function files(suite: string, name: string): Record<string, string> {
  const [, ...parts] = readFileSync(`${folder}${suite}/${name}.tree`, 'utf8').split(/^=== (.*)\n/m);
  return Object.fromEntries(parts.flatMap((part, i) => (i % 2 === 0 ? [[part, parts[i + 1]!]] : [])));
}

const plan = (suite: string, name: string, nics: readonly Nic[]) =>
  together([networkRule(tree(files(suite, name), { nics }))]);
const namesOf = ({ nics = [] }: Part) => Object.fromEntries(nics.map(({ mac, name }) => [mac.slice(-1), name]));
const names = (suite: string, name: string, nics: readonly Nic[]) => namesOf(plan(suite, name, nics));

const kinds = [
  'eni-debian',
  'netplan-ubuntu',
  'networkd-debian',
  'network-manager-fedora',
  'sysconfig-rhel',
  'sysconfig-sles',
];
const both = suites.flatMap((suite) => kinds.map((kind): [string, string] => [suite, kind]));

test.each(both)('fixtures - %s, cloud-init as %s: two NICs by their addresses', (suite, kind) => {
  const nics = [nic(2, '10.0.1.6'), nic(1, '2001:db8::5')];
  expect(names(suite, `cloud-init-${kind}-static`, nics)).toEqual({ 1: 'ens192', 2: 'ens224' });
});

// cloud-init itself renames NetworkManager's NICs, at each start.
const named = both.filter(([, kind]) => kind !== 'network-manager-fedora');

test.each(named)('fixtures - %s, cloud-init as %s: two NICs by their MACs, one with DHCP', (suite, kind) => {
  expect(names(suite, `cloud-init-${kind}-mac`, [nic(2), nic(1, '10.0.0.5')])).toEqual({ 1: 'lan0', 2: 'san0' });
});

test.each(suites)('fixtures - %s, cloud-init as network-manager: by MAC alone, which is told', (suite) => {
  const found = plan(suite, 'cloud-init-network-manager-fedora-mac', [nic(2), nic(1, '10.0.0.5')]);
  expect(found).toMatchObject({ nics: [], changes: [], refusals: [] });
  expect(found.concerns.map(({ id }) => id)).toEqual(['guest.nic-name', 'guest.nic-name']);
  expect(found.concerns[0]!.why).toContain('matches it by MAC: its settings stay');
});

// It writes no word for networkd on what is below a bridge.
const stacked = both.filter(([, kind]) => kind !== 'networkd-debian');

test.each(stacked)(
  'fixtures - %s, cloud-init as %s: the port of a bridge by its address, those of a bond not',
  (suite, kind) => {
    expect(names(suite, `cloud-init-${kind}-stacked`, [nic(3, '10.0.2.7')])).toEqual({ 3: 'ens256' });
    const nics = [nic(2), nic(3, '10.0.2.7'), nic(1, '10.0.0.5')];
    expect(names(suite, `cloud-init-${kind}-stacked`, nics)).toEqual({ 3: 'ens256' });
  },
);

test.each(suites)(
  'fixtures - %s, nmcli: by name, by MAC, and by the place on the bus, which becomes the MAC',
  (suite) => {
    const found = plan(suite, 'nmcli', [nic(1, '10.0.0.5'), nic(2), nic(3, '10.0.2.7')]);
    expect(namesOf(found)).toEqual({ 1: 'ens192' });
    expect(found.refusals).toEqual([]);
    const third = textIn(found, '/etc/NetworkManager/system-connections/third.nmconnection');
    expect(third).toContain('[ethernet]\nmac-address=00:50:56:aa:00:03\n');
    expect(third).not.toContain('path=');
  },
);

const above = suites.flatMap((suite) =>
  ['nmcli-stacked', 'netplan', 'networkd'].map((tool): [string, string] => [suite, tool]),
);

test.each(above)('fixtures - %s, %s: the NIC below a bridge and that below a VLAN, each alone', (suite, tool) => {
  const port = tool === 'nmcli-stacked' ? 'ens256' : 'ens193';
  expect(names(suite, tool, [nic(3, '10.0.2.7')])).toEqual({ 3: port });
  expect(names(suite, tool, [nic(4, '10.0.30.5')])).toEqual({ 4: 'ens161' });
});

test.each(suites)('fixtures - %s, netplan: a match by driver becomes one by MAC, what else it wrote stays', (suite) => {
  const found = plan(suite, 'netplan', [nic(1, '10.0.0.5'), nic(2), nic(3)]);
  expect(namesOf(found)).toEqual({ 1: 'lan0' });
  const text = textIn(found, '/etc/netplan/90-own.yaml');
  expect(text).toContain('macaddress: 00:50:56:aa:00:01');
  expect(text).not.toContain('vmxnet3');
  expect(text).toMatch(/dhcp-identifier: "?mac"?/);
});

test.each(suites)('fixtures - %s, networkd: a match by driver becomes one by MAC', (suite) => {
  const found = plan(suite, 'networkd', [nic(1, '10.0.0.5'), nic(2), nic(3)]);
  expect(namesOf(found)).toEqual({ 1: 'lan0' });
  const path = '/etc/systemd/network/10-netplan-lan.network';
  expect(textIn(found, path)).toBe(
    files(suite, 'networkd')[path]!.replace('Driver=vmxnet3', 'MACAddress=00:50:56:aa:00:01'),
  );
});

test.each(suites)('fixtures - %s, netplan: the number of a client goes beside the file that it makes', (suite) => {
  const nics = [
    { ...nic(2), slot: 224 },
    { ...nic(3), slot: 256 },
  ];
  const { changes } = together([dhcpRule(tree(files(suite, 'netplan'), { nics }))]);
  const beside = changes.map(({ path }) => path.replace(/\.d\/10-tranship-dhcp\.conf$/, ''));
  const [byMac, byNumber] = ['ens224', 'ens256'].map((name) => `/etc/systemd/network/10-netplan-${name}.network`);
  expect(beside).toEqual([byNumber]);
  for (const path of [byMac!, byNumber!]) expect(files(suite, 'networkd')[path]).toMatch(/^DHCP=ipv4$/m);
  expect(files(suite, 'networkd')[byMac!]).toMatch(/^ClientIdentifier=mac$/m);
  expect(files(suite, 'networkd')[byNumber!]).not.toContain('ClientIdentifier');
});

const further = suites.flatMap((suite) => ['ifupdown-ng', 'ifupdown2'].map((tool): [string, string] => [suite, tool]));

test.each(further)('fixtures - %s, %s: a NIC, the port of a bridge and that of a bond, each alone', (suite, tool) => {
  expect(names(suite, tool, [nic(1, '2001:db8::5')])).toEqual({ 1: 'ens192' });
  expect(names(suite, tool, [nic(2, '10.0.1.6')])).toEqual({ 2: 'ens224' });
  expect(names(suite, tool, [nic(3, '10.0.2.7')])).toEqual({ 3: 'ens256' });
});

test.each(suites)('fixtures - %s: what ifupdown and dhcpcd install of themselves says nothing of a NIC', (suite) => {
  for (const tool of ['ifupdown', 'dhcpcd'])
    expect(plan(suite, tool, [nic(1)])).toMatchObject({ changes: [], nics: [], refusals: [] });
});

// A file system on a whole disk.
const { table, volumes, ...bare } = extDisk(0, '8f0e1c1a-0000-4000-8000-0000000f1c70');
const disk: Disk = {
  ...bare,
  table: { ...table, kind: 'none', partitions: [] },
  volumes: volumes.map(({ partition: _, ...rest }) => ({ ...rest, offset: 0 })),
};
const root = 'root=UUID=8f0e1c1a-0000-4000-8000-0000000f1c70';
const consoles = 'console=ttyS0,115200 console=tty0';
const booted = (suite: string, name: string) => together([bootRule(tree(files(suite, name), { disks: [disk] }))]);
const linux = (text = '') => text.split('\n').filter((line) => /^\s*linux\s/.test(line));

test.each(suites)('fixtures - %s, grub-mkconfig: every kernel line gets the serial console', (suite) => {
  const found = booted(suite, 'grub');
  expect(found.refusals).toEqual([]);
  const before = linux(files(suite, 'grub')['/boot/grub/grub.cfg']);
  expect(before).toHaveLength(5);
  const after = linux(textIn(found, '/boot/grub/grub.cfg'));
  expect(after).toEqual(before.map((line) => `${line.trimEnd()} ${consoles}`));
  expect(textIn(found, '/etc/default/grub')).toContain(`GRUB_CMDLINE_LINUX="${consoles}"\n`);
});

test.each(suites)('fixtures - %s, grub-mkconfig: a root by its device becomes one by UUID', (suite) => {
  const found = booted(suite, 'grub-by-name');
  expect(found.refusals).toEqual([]);
  expect(linux(textIn(found, '/boot/grub/grub.cfg'))).toEqual(
    linux(files(suite, 'grub')['/boot/grub/grub.cfg']).map((line) => `${line.trimEnd()} ${consoles}`),
  );
});

test.each(suites)(
  'fixtures - %s, kernel-install: an entry and the line it was made from name the root by UUID',
  (suite) => {
    const found = booted(suite, 'kernel-install');
    expect(found.refusals).toEqual([]);
    expect(found.changes.map(({ path }) => path)).toEqual([
      '/etc/kernel/cmdline',
      '/boot/loader/entries/00000000000000000000000000000001-6.1.0-2-amd64.conf',
    ]);
    const [line, entry] = found.changes.map(({ path }) => textIn(found, path));
    expect(line).toBe(`${root} ro quiet ${consoles}\n`);
    expect(entry).toMatch(new RegExp(`^options +${root} ro quiet systemd.machine_id=0*1 ${consoles}$`, 'm'));
  },
);

test.each(suites)(
  'fixtures - %s, bootctl: its loader lies where a UEFI looks, or is found to be laid there',
  (suite) => {
    const paths = Object.keys(files(suite, 'bootctl'));
    expect(paths).toContain('/boot/efi/EFI/BOOT/BOOTX64.EFI');
    const loaders = paths.filter((path) => path.startsWith('/boot/efi/EFI/systemd/'));
    const found = new Map(loaders.map((path) => [path.slice(path.lastIndexOf('/') + 1), Buffer.from('loader')]));
    const esp: Esp = { at: '/boot/efi', fallback: false, folders: [{ name: 'systemd', files: found }] };
    expect(fallbackRule({ ...tree({}), esp }).changes).toMatchObject([{ path: '/boot/efi/EFI/BOOT/BOOTX64.EFI' }]);
  },
);

test.each(suites)('fixtures - %s, u-boot-menu: extlinux is a loader that is not known, and refused', (suite) => {
  expect(booted(suite, 'u-boot-menu')).toMatchObject({ changes: [], refusals: [{ code: 'guest.boot-unsupported' }] });
});

test.each(suites)('fixtures - %s, genfstab: the name of a device becomes its UUID, in its column', (suite) => {
  const before = files(suite, 'genfstab')['/etc/fstab']!;
  const found = together([devicesRule(tree({ '/etc/fstab': before }, { disks: [disk] }))]);
  expect(found.refusals).toEqual([]);
  expect(textIn(found, '/etc/fstab')).toBe(before.replace('/dev/sda', root.slice('root='.length)));
});

const trees = suites.flatMap((suite) =>
  readdirSync(`${folder}${suite}`).map((file): [string, string] => [suite, file.replace(/\.tree$/, '')]),
);

test.each(trees)('fixtures - %s, %s: what was converted once is left alone', (suite, name) => {
  const nics = [nic(1, '10.0.0.5'), nic(2, '10.0.1.6'), nic(3, '10.0.2.7')].map((each, i) => ({
    ...each,
    slot: 192 + 32 * i,
  }));
  const planned = (all: Record<string, string>) => {
    const facts = tree(all, { nics, disks: [disk] });
    return together([networkRule, dhcpRule, bootRule, devicesRule].map((rule) => rule(facts)));
  };
  const before = files(suite, name);
  const first = planned(before);
  const after = { ...before, ...Object.fromEntries(first.changes.map(({ path }) => [path, textIn(first, path)!])) };
  const second = planned(after);
  expect(second.changes.filter(({ path }) => textIn(second, path) !== after[path])).toEqual([]);
  expect(second.nics.map(({ mac, name }) => [mac, name])).toEqual(first.nics.map(({ mac, name }) => [mac, name]));
});

const drivers = (suite: string, maker: string) => {
  const { '/initramfs': names = '', ...rest } = files(suite, maker);
  const made = kernel({ holds: names.split('\n') });
  return { made, found: together([driversRule(tree(rest, { kernels: [made] }))]), before: rest };
};

test.each(suites)(
  'fixtures - %s, initramfs-tools: told by its names; virtio behind its own words on modules',
  (suite) => {
    const { made, found, before } = drivers(suite, 'initramfs-tools');
    expect(makerOf(made)).toBe('initramfs-tools');
    expect(found.refusals).toEqual([]);
    const path = '/etc/initramfs-tools/modules';
    expect(textIn(found, path)).toBe(`${before[path]}virtio_pci\nvirtio_blk\n`);
  },
);

test.each(suites)('fixtures - %s, dracut: told by its names; virtio in a file beside its own', (suite) => {
  const { made, found } = drivers(suite, 'dracut');
  expect(makerOf(made)).toBe('dracut');
  expect(found.refusals).toEqual([]);
  expect(found.changes.map(({ path }) => path)).toEqual([made.initrd, '/etc/dracut.conf.d/90-tranship.conf']);
});

import { unifiedDiff } from '@tranship/contracts';
import { quote } from '../../../adapters/debugfs.ts';
import { describeGuest } from '../../../domain/describe.ts';
import { ifupdownSources } from '../../../domain/network/ifupdown.ts';
import { parseOsRelease } from '../../../domain/os-release.ts';
import { planChanges } from '../../../domain/plan.ts';
import { extDisk, kernel, tree } from '../../tree.ts';
import { type Kind, must } from '../kind.ts';
import type { Random } from '../random.ts';

const bits = [
  ...[
    '\n',
    ' ',
    '\t',
    '"',
    "'",
    '#',
    '=',
    '{',
    '}',
    '[',
    ']',
    '\\',
    '\\\n',
    '\0',
    ';',
    ':',
    '*',
    '&a *a',
    '- ',
    '\u2028',
  ],
  ...['/dev/sda1', '/dev/nvme0n1p1', '../../x', '$(id)', '`id`', 'ens192', '10.0.0.5/24', '🦊', '%s', '-rf', '--help'],
  ...['match:', 'network:', 'ethernets:', 'config:', 'disabled', 'addresses: [', '<<: *a', '!!js/function x'],
  ...['[Match]', '[connection]', 'type=ethernet', 'interface-name=', 'Driver=x', 'Path=y', 'Name=', 'MACAddress='],
  ...['iface ', 'auto ', 'source ', 'mapping ', 'DEVICE=', 'HWADDR=', 'BRIDGE=br0', 'lease {', 'interface "', 'NAME="'],
  ...[
    'linux /v',
    ' root=',
    ' resume=',
    'console=',
    'options ',
    'kernelopts=',
    'GRUB_CMDLINE_LINUX="',
    'add_drivers+="',
  ],
  ...[
    'Package: dpkg\n',
    'Architecture: ',
    'Status: install ok installed\n',
    'Provides: a (= 1),',
    'Version: 1:0~a-1\n',
  ],
  ...['UUID=', 'defaults', ' / ext4 ', 'none swap ', 'luks,', 'ATTR{address}=="00:50:56:aa:00:01"', 'a=\n', 'ID='],
];
const paths = [
  ...['/etc/fstab', '/etc/crypttab', '/etc/network/interfaces', '/etc/netplan/a.yaml', '/etc/netplan/b.yaml'],
  ...['/etc/systemd/network/a.network', '/etc/systemd/network/a.link', '/etc/NetworkManager/system-connections/a'],
  ...['/etc/sysconfig/network-scripts/ifcfg-a', '/etc/sysconfig/network/ifcfg-b', '/var/lib/dhcp/a.leases'],
  ...['/etc/udev/rules.d/70-persistent-net.rules', '/etc/cloud/cloud.cfg.d/a.cfg', '/etc/cloud/cloud.cfg'],
  ...['/boot/grub/grub.cfg', '/boot/grub2/grubenv', '/boot/loader/entries/a.conf', '/etc/default/grub'],
  ...['/etc/kernel/cmdline', '/etc/dracut.conf.d/a.conf', '/etc/initramfs-tools/conf.d/resume', '/var/lib/dpkg/status'],
];
const nics = [
  { mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'], slot: 192 },
  { mac: '00:50:56:aa:00:02', addresses: ['fe80::2'] },
];

const word = (random: Random) =>
  random.chance(0.8) ? random.pick(bits) : String.fromCodePoint(random.pick([random.below(128), random.below(0xd800)]));
const nonsense = (random: Random) => random.some(40, () => word(random)).join('');
/** One or a few signs over and over, as long as a file is read at all. */
const endless = (random: Random, length: number) => {
  const unit = Array.from({ length: 1 + random.below(3) }, () => word(random)).join('');
  return unit.repeat(Math.ceil(length / unit.length)) + (random.chance(0.5) ? 'x' : '');
};

function plan(files: Readonly<Record<string, string>>, os: string): void {
  const facts = tree(files, { nics, kernels: [kernel()], disks: [extDisk(0, 'u-1'), extDisk(1, 'u-2')] });
  describeGuest({ ...facts, os: parseOsRelease(os) });
  for (const given of [facts, { ...facts, disks: [] }]) {
    const { changes, nics: named, concerns, refusals } = planChanges(given);
    for (const { path } of changes) {
      must(/^\/(etc|boot|usr|lib|var)\/[^\0\n]*$/.test(path), `a change at ${JSON.stringify(path)}`);
      must(!path.split('/').includes('..'), `a change at ${path}`);
    }
    for (const { name } of named) must(/^[a-zA-Z0-9_-]{1,15}$/.test(name), `a NIC called ${JSON.stringify(name)}`);
    for (const { why } of concerns) must(why.length < 1000, `a concern of ${why.length} signs`);
    for (const { detail } of refusals) must(detail.length < 1000, `a refusal of ${detail.length} signs`);
  }
}

export const texts: Kind = {
  share: 200,
  run(random) {
    plan(Object.fromEntries(random.some(6, () => [random.pick(paths), nonsense(random)])), nonsense(random));
    const name = nonsense(random);
    try {
      must(/^"(?:[^"]|"")*"$/s.test(quote(name)), 'a name that is not quoted whole');
    } catch (error) {
      if (!/[\n\0]/.test(name)) throw error;
    }
  },
};

/** Each parser comes to its end soon, however long its text. */
export const long: Kind = {
  share: 6,
  run(random) {
    const text = endless(random, 1024 ** 2);
    plan({ [random.pick(paths)]: text, [random.pick(paths)]: endless(random, 65_536) }, text);
    unifiedDiff(text, `${text}x`);
    const [source] = ifupdownSources(`source /etc/${random.chance(0.5) ? '*a'.repeat(100) : endless(random, 200)}\n`);
    source?.matches('a'.repeat(255));
  },
};

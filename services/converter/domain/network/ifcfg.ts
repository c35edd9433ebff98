import { baseName, below, isPattern, isVirtual, type Mention, normalMac, type TextFile } from './mention.ts';

/** Settings of a file of shell assignments; nothing is expanded. */
export function assignments(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"]*)"|'([^']*)'|([^\s#]*))/.exec(line);
    if (match) found.set(match[1]!.toUpperCase(), match[2] ?? match[3] ?? match[4] ?? '');
  }
  return found;
}

const virtualTypes = /^(bond|bridge|vlan|team|tun|tap|dummy|infiniband|ovs\w*)$/i;
const file = /\/ifcfg-([^/]+)$/;
const leftovers = /(~|\.(bak|old|orig|rpmnew|rpmsave|swp|tmp|rpmorig|dpkg-\w+)|\.\d{8,})$/;

/** The interface files of Red Hat's network scripts, of NetworkManager's plugin for them, and of SUSE's wicked. */
export function ifcfgMentions(files: readonly TextFile[]): Mention[] {
  const all = files.flatMap(interfaceIn);
  const uppers = new Set(all.flatMap(({ name, ports }) => (ports ? [name] : [])));
  return all.flatMap(({ path, device, name, mac, ports, addresses }): Mention[] => {
    if (ports) {
      const others = all.flatMap(({ above, name }) => (device !== undefined && above.includes(device) ? [name] : []));
      const nics = (ports.length > 0 ? ports : others).filter((port) => port === name || !uppers.has(port));
      return below(nics, addresses, path);
    }
    const base = baseName(name);
    if (mac) return [{ mac: normalMac(mac), addresses, file: path, ...(usable(device) ? { name: base } : {}) }];
    return usable(base) && !isVirtual(base) ? [{ name: base, addresses, file: path }] : [];
  });
}

/** `ports`: of what stands on others, as far as it names them itself; `above`: what says that it stands on this one. */
function interfaceIn({ path, text }: TextFile) {
  const own = file.exec(path)?.[1];
  if (own === undefined || own === 'lo' || leftovers.test(own)) return [];
  const set = assignments(text);
  if (off(set)) return [];
  const values = (key: RegExp) => [...set].flatMap(([name, value]) => (key.test(name) ? words(value) : []));
  // SUSE's older names hold the MAC: ifcfg-eth-id-00:50:56:…
  const id = /^eth-id-([0-9a-fA-F:]{17})$/.exec(own)?.[1];
  const device = set.get('DEVICE');
  const stated = device ?? (id === undefined && !own.startsWith('eth-bus-') ? own.replaceAll('_', ' ') : '');
  const upper =
    virtualTypes.test(set.get('TYPE') ?? '') ||
    values(/^(VLAN|BONDING_MASTER|ETHERDEVICE|TUNNEL)$/).some((value) => value !== 'no') ||
    // At SUSE a bridge names its ports, at Red Hat they name it; cloud-init says BRIDGE=yes of a port at SUSE.
    set.has('BRIDGE_PORTS');
  const ports = values(/^(BRIDGE_PORTS|BONDING_SLAVE_?\d+|ETHERDEVICE|PHYSDEV)$/);
  return [
    {
      path,
      device,
      name: stated,
      mac: set.get('HWADDR') ?? set.get('LLADDR_MATCH') ?? id,
      ...(upper || ports.length > 0 ? { ports: ports.length === 0 && stated.includes('.') ? [stated] : ports } : {}),
      above: [set.get('BRIDGE'), set.get('MASTER')],
      addresses: values(/^(IPADDR\w*|IPV6ADDR|IPV6ADDR_SECONDARIES)$/),
    },
  ];
}

const words = (value: string) => value.split(/\s+/).filter((word) => word !== '');
const usable = (name: string | undefined) => name !== undefined && name !== '' && !isPattern(name);
/** A profile that nothing brings up is no word on the interface's present. */
const off = (set: ReadonlyMap<string, string>) => /^(off|manual)$/i.test(set.get('STARTMODE') ?? '');

import { baseName, isPattern, isVirtual, type Mention, normalMac, type TextFile } from './mention.ts';

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
  return files.flatMap(({ path, text }): Mention[] => {
    const own = file.exec(path)?.[1];
    if (own === undefined || own === 'lo' || leftovers.test(own)) return [];
    const set = assignments(text);
    const has = (key: RegExp) => [...set].some(([name, value]) => key.test(name) && value !== '' && value !== 'no');
    if (
      virtualTypes.test(set.get('TYPE') ?? '') ||
      has(/^(VLAN|BRIDGE|BONDING_MASTER|ETHERDEVICE|TUNNEL)$/) ||
      off(set)
    )
      return bridged(set, path);
    const addresses = [...set].flatMap(([key, value]) =>
      isAddress.test(key) && value !== '' ? value.split(/\s+/) : [],
    );
    // SUSE's older names hold the MAC: ifcfg-eth-id-00:50:56:…
    const id = /^eth-id-([0-9a-fA-F:]{17})$/.exec(own)?.[1];
    const mac = set.get('HWADDR') ?? set.get('LLADDR_MATCH') ?? id;
    const stated =
      set.get('DEVICE') ?? (id === undefined && !own.startsWith('eth-bus-') ? own.replaceAll('_', ' ') : '');
    const name = baseName(stated);
    if (mac) return [{ mac: normalMac(mac), addresses, file: path, ...(usable(set.get('DEVICE')) ? { name } : {}) }];
    return usable(name) && !isVirtual(name) ? [{ name, addresses, file: path }] : [];
  });
}

const isAddress = /^(IPADDR\w*|IPV6ADDR|IPV6ADDR_SECONDARIES)$/;
const usable = (name: string | undefined) => name !== undefined && name !== '' && !isPattern(name);
/** A profile that nothing brings up is no word on the interface's present. */
const off = (set: ReadonlyMap<string, string>) => /^(off|manual)$/i.test(set.get('STARTMODE') ?? '');

/** A port of a bridge says `BRIDGE=br0` and is hardware itself, unless it is virtual too. */
function bridged(set: ReadonlyMap<string, string>, path: string): Mention[] {
  const name = set.get('DEVICE');
  const mac = set.get('HWADDR');
  const plain =
    !virtualTypes.test(set.get('TYPE') ?? '') && set.get('VLAN') !== 'yes' && (set.get('BRIDGE') ?? '') !== '';
  if (!plain || off(set) || !usable(name) || isVirtual(name!)) return [];
  return [{ addresses: [], file: path, name: baseName(name!), ...(mac ? { mac: normalMac(mac) } : {}) }];
}

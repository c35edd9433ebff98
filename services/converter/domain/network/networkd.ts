import { lastOf, parseIni, valuesOf } from './ini.ts';
import { baseName, below, isPattern, isVirtual, type Mention, normalMac, type TextFile } from './mention.ts';

/** systemd.network(5): `.network` files match by name or by MAC. */
export function networkdMentions(files: readonly TextFile[]): Mention[] {
  const all = files.map(network);
  // The one NIC below each bridge, bond or VLAN; undefined: it has several.
  const lone = new Map<string, string | undefined>();
  for (const { names, above } of all)
    for (const upper of above) lone.set(upper, lone.has(upper) || names.length !== 1 ? undefined : names[0]);
  return all.flatMap(({ path, macs, names, addresses }): Mention[] => {
    if (names.length === 1 && lone.has(names[0]!)) {
      const port = lone.get(names[0]!);
      return port === undefined || lone.has(port) ? [] : below([port], addresses, path);
    }
    const own = names.filter((name) => !isVirtual(name));
    if (macs.length > 0) return macs.map((mac) => ({ mac: normalMac(mac), addresses, file: path, ...only(own) }));
    return own.map((name) => ({
      name: baseName(name),
      addresses: own.length === 1 ? addresses : [],
      file: path,
    }));
  });
}

function network({ path, text }: TextFile) {
  const ini = parseIni(text);
  return {
    path,
    macs: words(valuesOf(ini, 'Match', 'MACAddress')),
    names: words(valuesOf(ini, 'Match', 'Name')).filter((name) => !isPattern(name)),
    above: ['Bridge', 'Bond', 'VLAN'].flatMap((key) => words(valuesOf(ini, 'Network', key))),
    addresses: [...valuesOf(ini, 'Network', 'Address'), ...valuesOf(ini, 'Address', 'Address')],
  };
}

/** systemd.link(5): `.link` files that give a name by MAC. */
export function linkMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }): Mention[] => {
    const ini = parseIni(text);
    const name = lastOf(ini, 'Link', 'Name');
    const policy = lastOf(ini, 'Link', 'NamePolicy');
    const macs = words([...valuesOf(ini, 'Match', 'MACAddress'), ...valuesOf(ini, 'Match', 'PermanentMACAddress')]);
    // A policy comes before the name: then the name is not sure.
    if (!name || policy) return [];
    const byHardware = ['Path', 'Driver'].some((key) => lastOf(ini, 'Match', key) !== undefined);
    // On KVM it will match nothing; the name is one that the guest uses all the same.
    if (macs.length === 0 && byHardware) return [{ name, addresses: [], file: path }];
    return macs.map((mac) => ({ name, mac: normalMac(mac), addresses: [], file: path, names: true }));
  });
}

/** udev rules as `70-persistent-net.rules` has them. */
export function udevMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line): Mention[] => {
      if (line.trim().startsWith('#')) return [];
      const mac = /ATTRS?\{address\}=="([0-9a-fA-F:]{17})"/.exec(line)?.[1];
      const name = /\bNAME:?="([^"$%]+)"/.exec(line)?.[1];
      return mac && name ? [{ name, mac: normalMac(mac), addresses: [], file: path, names: true }] : [];
    }),
  );
}

const words = (values: readonly string[]) =>
  values.flatMap((value) => value.split(/\s+/)).filter((word) => word !== '');
const only = (names: readonly string[]) => (names.length === 1 ? { name: names[0]! } : {});

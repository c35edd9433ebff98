import { lastOf, parseIni, type Section } from './ini.ts';
import { below, type Mention, normalMac, type TextFile } from './mention.ts';

/** NetworkManager's key files: bound to an interface by name, by MAC, or to none; or of what stands on others. */
export function networkManagerMentions(files: readonly TextFile[]): Mention[] {
  const all = files.map(profile);
  // A port names what it is below, and a VLAN its parent, by whatever tells a profile.
  const nameOf = (key: string) => {
    const found = all.find(({ keys }) => keys.includes(key));
    return found ? (found.hardware ? found.name : '') : key;
  };
  return all.flatMap(({ file, hardware, name, mac, keys, parent, addresses }): Mention[] => {
    if (!hardware) {
      const ports = all.flatMap((each) => (each.hardware && keys.includes(each.controller) ? [each.name] : []));
      return below([...ports, nameOf(parent)], addresses, file);
    }
    return name || mac ? [{ addresses, file, ...(name ? { name } : {}), ...(mac ? { mac } : {}) }] : [];
  });
}

function profile({ path, text }: TextFile) {
  const ini = parseIni(text);
  const own = (key: string) => lastOf(ini, 'connection', key) ?? '';
  const name = own('interface-name');
  const mac = normalMac(lastOf(ini, 'ethernet', 'mac-address') ?? lastOf(ini, '802-3-ethernet', 'mac-address') ?? '');
  return {
    file: path,
    hardware: /^(802-3-)?ethernet$/.test(own('type')),
    name,
    mac,
    keys: [name, mac, own('uuid'), own('id')].filter((key) => key !== ''),
    controller: own('controller') || own('master'),
    parent: lastOf(ini, 'vlan', 'parent') ?? '',
    addresses: addressesIn(ini),
  };
}

const addressesIn = (ini: readonly Section[]) =>
  ini
    .filter(({ name }) => name === 'ipv4' || name === 'ipv6')
    .flatMap(({ values }) => [...values].filter(([key]) => /^address(es)?\d*$/.test(key)).map(([, all]) => all.at(-1)!))
    .flatMap((value) => value.split(';'))
    .map((value) => value.split(',')[0]!.trim())
    .filter((value) => value !== '');

/** What dhclient was given, by interface: the newest lease stands last. */
export function leaseMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }): Mention[] => {
    const at = `\n${text}`.lastIndexOf('\nlease {');
    const last = at < 0 ? '' : text.slice(at).split('}', 1)[0]!;
    const name = /interface\s+"([^"]+)"/.exec(last)?.[1];
    const address = /fixed-address\s+([0-9a-fA-F.:]+)/.exec(last)?.[1];
    return name && address ? [{ name, addresses: [address], file: path }] : [];
  });
}

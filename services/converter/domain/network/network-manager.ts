import { lastOf, parseIni } from './ini.ts';
import { type Mention, normalMac, type TextFile } from './mention.ts';

/** NetworkManager's key files: bound to an interface by name, by MAC, or to none. */
export function networkManagerMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }): Mention[] => {
    const ini = parseIni(text);
    const type = lastOf(ini, 'connection', 'type');
    if (type !== 'ethernet' && type !== '802-3-ethernet') return [];
    const name = lastOf(ini, 'connection', 'interface-name');
    const mac = lastOf(ini, 'ethernet', 'mac-address') ?? lastOf(ini, '802-3-ethernet', 'mac-address');
    if (!name && !mac) return [];
    const addresses = ini
      .filter((section) => section.name === 'ipv4' || section.name === 'ipv6')
      .flatMap(({ values }) =>
        [...values].filter(([key]) => /^address(es)?\d*$/.test(key)).map(([, all]) => all.at(-1)!),
      )
      .flatMap((value) => value.split(';'))
      .map((value) => value.split(',')[0]!.trim())
      .filter((value) => value !== '');
    return [{ addresses, file: path, ...(name ? { name } : {}), ...(mac ? { mac: normalMac(mac) } : {}) }];
  });
}

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

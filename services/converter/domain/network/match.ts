import { parseDocument } from 'yaml';
import { lastOf, parseIni, valuesOf } from './ini.ts';
import type { TextFile } from './mention.ts';
import { addressesOf, ethernets } from './netplan.ts';

/** A match by what the move changes: the driver, or the place on the bus. */
export interface HardwareMatch {
  readonly file: string;
  /** Addresses that stand with it, and a name that it gives: they tell which NIC is meant. */
  readonly addresses: readonly string[];
  readonly name?: string;
  /** The file's text with the match by this MAC. */
  rewrite(text: string, mac: string): string;
}

const iniKeys: Readonly<Record<string, RegExp>> = {
  Match: /^(Path|Driver|OriginalName)$/,
  match: /^(path|driver)$/,
};

/** `.network` and `.link` files of systemd, and key files of NetworkManager, that match by path or driver. */
export function iniMatches(files: readonly TextFile[]): HardwareMatch[] {
  return files.flatMap(({ path, text }): HardwareMatch[] => {
    const ini = parseIni(text);
    const section = ini.find(({ name }) => iniKeys[name] !== undefined);
    if (!section) return [];
    const keys = [...section.values.keys()];
    const bound = keys.some((key) => /^(PermanentMACAddress|MACAddress)$/.test(key));
    const byHardware = keys.filter((key) => iniKeys[section.name]!.test(key) && key !== 'OriginalName');
    if (byHardware.length === 0 || bound) return [];
    const addresses = [
      ...valuesOf(ini, 'Network', 'Address'),
      ...valuesOf(ini, 'Address', 'Address'),
      ...['ipv4', 'ipv6'].flatMap((family) =>
        ini
          .filter(({ name }) => name === family)
          .flatMap(({ values }) =>
            [...values].flatMap(([key, all]) => (/^address\d*$/.test(key) ? [all.at(-1)!.split(',')[0]!] : [])),
          ),
      ),
    ];
    const name = lastOf(ini, 'Link', 'Name') ?? lastOf(ini, 'connection', 'interface-name');
    const isManager = section.name === 'match';
    return [
      {
        file: path,
        addresses,
        ...(name ? { name } : {}),
        rewrite: (before, mac) =>
          isManager
            ? byMacInKeyFile(before, mac)
            : replaceKeys(before, 'Match', /^(Path|Driver)$/, `MACAddress=${mac}`),
      },
    ];
  });
}

/** NetworkManager keeps the MAC in the section of the hardware's type. */
function byMacInKeyFile(text: string, mac: string): string {
  const without = replaceKeys(text, 'match', /^(path|driver)$/, undefined);
  if (/^mac-address=/m.test(without)) return without;
  if (/^\[ethernet\]/m.test(without)) return without.replace(/^\[ethernet\][ \t]*$/m, `[ethernet]\nmac-address=${mac}`);
  return `${without.trimEnd()}\n\n[ethernet]\nmac-address=${mac}\n`;
}

/** Takes keys out of a section; the first gives its place to `line`. */
function replaceKeys(text: string, section: string, keys: RegExp, line: string | undefined): string {
  let inside = false;
  let left = line;
  return text
    .split('\n')
    .flatMap((each) => {
      const header = /^\s*\[(.+)\]\s*$/.exec(each);
      if (header) inside = header[1] === section;
      if (!inside || !keys.test(each.slice(0, Math.max(0, each.indexOf('='))).trim())) return [each];
      const put = left === undefined ? [] : [left];
      left = undefined;
      return put;
    })
    .join('\n');
}

/** netplan's ethernets that match by driver. */
export function netplanMatches(files: readonly TextFile[]): HardwareMatch[] {
  return files.flatMap(({ path, text }) =>
    Object.entries(ethernets(text)).flatMap(([key, value]): HardwareMatch[] => {
      const { match, addresses, 'set-name': name } = value ?? {};
      if (match?.driver === undefined || match.macaddress !== undefined) return [];
      const at = ['network', 'ethernets', key, 'match'];
      return [
        {
          file: path,
          addresses: addressesOf(addresses),
          ...(typeof name === 'string' ? { name } : {}),
          rewrite: (before, mac) => {
            const document = parseDocument(before);
            document.deleteIn([...at, 'driver']);
            document.setIn([...at, 'macaddress'], mac);
            return document.toString({ lineWidth: 0 });
          },
        },
      ];
    }),
  );
}

import { type Facts, filesBelow } from '../facts.ts';
import { paths } from '../paths.ts';
import { parseIni, valuesOf } from './ini.ts';
import { normalMac } from './mention.ts';
import { type Ethernet, ethernets } from './netplan.ts';

/** A `.network` file by which networkd asks for DHCP, and calls itself by a number of its own making. */
export interface DhcpClient {
  /** Its name, below whichever folder. */
  readonly file: string;
  /** The file that says so. */
  readonly path: string;
  /** Names and patterns; `*` where it means any NIC. */
  readonly names: readonly string[];
  readonly macs: readonly string[];
  /** It has a number for DHCPv6 of its own. */
  readonly own6: boolean;
}

/** networkd's own files, and those that netplan makes at each start. */
export const dhcpClients = (facts: Facts): DhcpClient[] => [
  ...filesBelow(facts, paths.networkd, '.network').flatMap(({ path, text }) => ownClient(path, text)),
  ...filesBelow(facts, paths.netplan, '.yaml').flatMap(({ path, text }) =>
    /renderer:[ \t]*NetworkManager/.test(text)
      ? []
      : Object.entries(ethernets(text)).flatMap(([id, value]) => madeClient(path, id, value ?? {})),
  ),
];

const asks4 = /^(yes|true|on|1|both|ipv4|v4)$/i;
const asks6 = /^(yes|true|on|1|both|ipv6|v6)$/i;

function ownClient(path: string, text: string): DhcpClient[] {
  const ini = parseIni(text);
  const last = (key: string, ...sections: string[]) =>
    sections.flatMap((section) => valuesOf(ini, section, key)).at(-1);
  const asked = last('DHCP', 'Network') ?? '';
  const own6 = last('IAID', 'DHCPv6') !== undefined;
  // By its MAC it is the same client anyway.
  const open4 = asks4.test(asked) && last('ClientIdentifier', 'DHCP', 'DHCPv4') !== 'mac';
  const open = (open4 || (asks6.test(asked) && !own6)) && last('IAID', 'DHCP', 'DHCPv4') === undefined;
  const match = ini.filter(({ name }) => name === 'Match').flatMap(({ values }) => [...values.keys()]);
  // VLANs, bridges and the like have no place on a bus; without any match networkd passes the file over.
  const isNic = match.length > 0 && !match.includes('Kind') && /^(|ether|\*)$/.test(last('Type', 'Match') ?? '');
  if (!open || !isNic) return [];
  const names = words(valuesOf(ini, 'Match', 'Name'));
  const macs = words(['MACAddress', 'PermanentMACAddress'].flatMap((key) => valuesOf(ini, 'Match', key)));
  const file = path.slice(path.lastIndexOf('/') + 1);
  return [{ file, path, names: names.length + macs.length > 0 ? names : ['*'], macs: macs.map(normalMac), own6 }];
}

function madeClient(path: string, id: string, found: Ethernet): DhcpClient[] {
  const { dhcp4, dhcp6, match } = found;
  const open4 = isYes(dhcp4) && found['dhcp-identifier'] !== 'mac';
  if (!(open4 || isYes(dhcp6)) || !/^[\w.-]+$/.test(id)) return [];
  const macs = typeof match?.macaddress === 'string' ? [normalMac(match.macaddress)] : [];
  const name = match === undefined || match === null ? id : (match.name ?? (macs.length > 0 ? undefined : '*'));
  const names = typeof name === 'string' ? [name] : [];
  return [{ file: `10-netplan-${id}.network`, path, names, macs, own6: false }];
}

/** As netplan reads it, which is by an older YAML. */
const isYes = (value: unknown) => value === true || (typeof value === 'string' && /^(y|yes|on|true)$/i.test(value));
const words = (values: readonly string[]) =>
  values.flatMap((value) => value.split(/\s+/)).filter((word) => word !== '');

import { type Change, textFile } from '../changes.ts';
import { type Facts, filesBelow } from '../facts.ts';
import { parseIni, valuesOf } from '../network/ini.ts';
import { isPattern, normalMac } from '../network/mention.ts';
import { ethernets } from '../network/netplan.ts';
import type { Part } from '../part.ts';
import { paths } from '../paths.ts';
import { siphash } from '../siphash.ts';
import { namesOf } from './network.ts';

/** Of systemd, for the identifiers that it gives network interfaces. */
const key = Buffer.from('80118cc2fe4a03ee3ed60c6f36391409', 'hex');

/** The number by which networkd calls an interface to a DHCP server: made of the name that udev gives to its place. */
export function iaidOf(name: string): number {
  const hash = siphash(key, Buffer.from(name));
  return Number((hash & 0xffffffffn) ^ (hash >> 32n));
}

/** On KVM the NIC's place is another, and networkd would be another client to the DHCP server: its number is written down. */
export function dhcpRule(facts: Facts): Part {
  const { known } = namesOf(facts);
  const named = facts.nics.flatMap(({ mac, slot }) => {
    const name = known.find((each) => each.mac === normalMac(mac))?.name;
    // The slot is what udev made the name of: then it is its first word on the place too.
    return slot !== undefined && name === `ens${slot}` ? [{ mac: normalMac(mac), name }] : [];
  });
  return {
    changes: clients(facts).flatMap(({ file, names, macs }): Change[] => {
      const means = ({ mac, name }: { mac: string; name: string }) =>
        macs.includes(mac) || names.includes(name) || (names.some(isPattern) && facts.nics.length === 1);
      const meant = named.filter(means);
      if (meant.length !== 1) return [];
      const text = `[DHCPv4]\nIAID=${iaidOf(meant[0]!.name)}\n`;
      return [textFile(`${paths.networkd}/${file}.d/10-tranship-dhcp.conf`, text, 0o644)];
    }),
  };
}

interface Client {
  /** Of networkd, below whichever folder. */
  readonly file: string;
  readonly names: readonly string[];
  readonly macs: readonly string[];
}

const words = (values: readonly string[]) =>
  values.flatMap((value) => value.split(/\s+/)).filter((word) => word !== '');

/** networkd's own files that ask for DHCP, and those that netplan makes at each start. */
function clients(facts: Facts): Client[] {
  const own = filesBelow(facts, paths.networkd, '.network').flatMap(({ path, text }): Client[] => {
    const ini = parseIni(text);
    const asks = /^(yes|true|on|1|both|ipv4|v4)$/i.test(valuesOf(ini, 'Network', 'DHCP').at(-1) ?? '');
    const stated = ['DHCPv4', 'DHCP'].some((section) => valuesOf(ini, section, 'IAID').length > 0);
    if (!asks || stated) return [];
    return [
      {
        file: path.slice(path.lastIndexOf('/') + 1),
        names: words(valuesOf(ini, 'Match', 'Name')),
        macs: words(valuesOf(ini, 'Match', 'MACAddress')).map(normalMac),
      },
    ];
  });
  const made = filesBelow(facts, paths.netplan, '.yaml').flatMap(({ text }) =>
    /renderer:[ \t]*NetworkManager/.test(text)
      ? []
      : Object.entries(ethernets(text)).flatMap(([id, value]): Client[] => {
          const { dhcp4, match } = value ?? {};
          if (dhcp4 !== true || !/^[\w.-]+$/.test(id)) return [];
          const name = match === undefined || match === null ? id : match.name;
          return [
            {
              file: `10-netplan-${id}.network`,
              names: typeof name === 'string' ? [name] : [],
              macs: typeof match?.macaddress === 'string' ? [normalMac(match.macaddress)] : [],
            },
          ];
        }),
  );
  return [...own, ...made];
}

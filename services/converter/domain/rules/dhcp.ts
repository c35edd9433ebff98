import { type Change, textFile } from '../changes.ts';
import type { Facts } from '../facts.ts';
import { dhcpClients } from '../network/dhcp-clients.ts';
import { isPattern, normalMac } from '../network/mention.ts';
import { slotName } from '../nic-names.ts';
import { concern, type Part } from '../part.ts';
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

/**
 * On KVM the NIC's place is another, and networkd would be another client to the DHCP server: its number is written
 * down. The rest of what it calls itself is made of the machine-id, and stays.
 */
export function dhcpRule(facts: Facts): Part {
  const { known } = namesOf(facts);
  const nics = facts.nics.map((nic) => {
    const mac = normalMac(nic.mac);
    const { name, kept = false } = known.find((each) => each.mac === mac) ?? {};
    return { mac, name, place: placeOf(nic.slot, kept ? undefined : name) };
  });
  const found = dhcpClients(facts).map((client) => {
    const meant = nics.filter((nic) => means(client, nic) || (nics.length === 1 && client.names.some(isPattern)));
    return { ...client, meant, place: meant.length === 1 ? meant[0]!.place : undefined };
  });
  return {
    changes: found.flatMap(({ file, own6, place }): Change[] => {
      if (place === undefined) return [];
      const line = `IAID=${iaidOf(place)}\n`;
      // That of DHCPv4 counts for DHCPv6 too where the latter has none; before systemd 249 it is the only one.
      const text = `[DHCPv4]\n${line}${own6 ? '' : `[DHCPv6]\n${line}`}`;
      return [textFile(`${paths.networkd}/${file}.d/10-tranship-dhcp.conf`, text, 0o644)];
    }),
    concerns: found.flatMap(({ path, meant, place }) => {
      if (place !== undefined || meant.length === 0) return [];
      const why =
        meant.length > 1
          ? `${path} stands for ${meant.map(({ mac }) => mac).join(', ')}: the number of each cannot be written into it`
          : `the slot in which NIC ${meant[0]!.mac} was on VMware is not known`;
      return [concern('guest.dhcp-client', why, path)];
    }),
  };
}

/** What udev calls the place of a NIC, whatever its name is; without a slot the name says it, if udev made it of the place. */
const placeOf = (slot: number | undefined, name: string | undefined): string | undefined => {
  if (slot !== undefined) return slotName(slot);
  return name !== undefined && /^ens\d+$/.test(name) ? name : undefined;
};

const means = (
  { names, macs }: { readonly names: readonly string[]; readonly macs: readonly string[] },
  { mac, name }: { readonly mac: string; readonly name: string | undefined },
) => macs.includes(mac) || (macs.length === 0 && name !== undefined && names.some((each) => matches(each, name)));

/** A name, or a shell pattern of `*` and `?`. */
const matches = (pattern: string, name: string) =>
  /^[\w.*?-]+$/.test(pattern) &&
  new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\*+/g, '.*').replaceAll('?', '.')}$`).test(name);

import { textFile } from '../changes.ts';
import { type Facts, textOf } from '../facts.ts';
import { foreignConfigs, hardwareMatches, networkConfigs } from '../network/configs.ts';
import { keepingLink } from '../network/links.ts';
import type { HardwareMatch } from '../network/match.ts';
import { type Mention, normalMac } from '../network/mention.ts';
import { type NamedNic, type Nic, nicNames, plainAddress, udevRule } from '../nic-names.ts';
import { concern, type Part, refuse } from '../part.ts';
import { paths } from '../paths.ts';
import { kernelLine } from './boot.ts';

const rules = `${paths.udevRules}/70-persistent-net.rules`;

/** NICs keep their names, and with them their addresses; what matches by hardware matches by MAC from now on. */
export function networkRule(facts: Facts): Part {
  const { known, unknown, byOrder, mentions } = namesOf(facts);
  const linked = facts.has(paths.defaultLink);
  const open = known.filter(({ kept }) => !kept);
  const keeps = linked || facts.has(paths.udevRules);
  const [foreign] = foreignConfigs(facts);
  const unread =
    foreign !== undefined && unknown.length > 0
      ? [refuse('guest.network-unsupported', `${foreign} is by a manager of networks that is not known here`, foreign)]
      : [];
  const concerns = [
    ...unknown.map(({ mac, why }) => concern('guest.nic-name', `NIC ${mac}: ${why}`)),
    ...(byOrder.length > 1
      ? [concern('guest.nic-order', `${byOrder.join(', ')} were given to the NICs in the VM's order`)]
      : []),
    ...(open.length > 0 && !keeps
      ? [concern('guest.nic-name', `the names of its NICs cannot be kept: it has no ${paths.udevRules}`)]
      : []),
    ...differing(facts.nics, known, mentions),
  ];
  const hardware = byMac(facts, known);
  const matched = { ...hardware, refusals: [...unread, ...hardware.refusals] };
  if (!keeps) return { ...matched, concerns };
  const changes = linked
    ? open.map((nic) => keepingLink(facts, nic)).map(({ path, text }) => textFile(path, text, 0o644))
    : byRule(facts, open);
  return { ...matched, changes: [...changes, ...(matched.changes ?? [])], nics: known, concerns };
}

/** What the guest calls its NICs, and by what that is known. */
export function namesOf(facts: Facts) {
  const mentions = networkConfigs(facts).flatMap((each) => each.mentions);
  const predictable = facts.has(paths.defaultLink) && !/\bnet\.ifnames=0\b/.test(kernelLine(facts));
  return { ...nicNames(facts.nics, mentions, predictable), mentions };
}

/** One rule a NIC behind those that the guest has, which stay. */
function byRule(facts: Facts, open: readonly NamedNic[]) {
  if (open.length === 0) return [];
  const before = textOf(facts, rules) ?? '';
  const ended = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  return [textFile(rules, ended + open.map(udevRule).join(''), 0o644)];
}

/** Each match by driver or place becomes one by the MAC of the NIC that it means. */
function byMac(facts: Facts, known: readonly NamedNic[]) {
  const texts = new Map<string, string>();
  const refusals = [];
  const matches = hardwareMatches(facts);
  for (const match of matches) {
    const nic = meant(match, facts.nics, known, matches.length);
    const text = texts.get(match.file) ?? textOf(facts, match.file) ?? '';
    if (nic) texts.set(match.file, match.rewrite(text, normalMac(nic.mac)));
    else
      refusals.push(
        refuse(
          'guest.network-unsupported',
          `${match.file} matches a NIC by its driver or its place on the bus, and it is not known which NIC that is`,
          match.file,
        ),
      );
  }
  return { changes: [...texts].map(([path, text]) => textFile(path, text)), refusals };
}

function meant(match: HardwareMatch, nics: readonly Nic[], known: readonly NamedNic[], matches: number) {
  const stated = new Set(match.addresses.map(plainAddress));
  const byAddress = nics.filter(({ addresses }) => addresses.some((address) => stated.has(plainAddress(address))));
  const byName = known.filter(({ name }) => name === match.name);
  const found = byAddress.length === 1 ? byAddress : byName;
  if (found.length === 1) return found[0];
  return nics.length === 1 && matches === 1 ? nics[0] : undefined;
}

/** The static addresses that the guest's files give a NIC. */
function statedOf(mac: string, known: readonly NamedNic[], mentions: readonly Mention[]): string[] {
  const own = known.find((each) => each.mac === normalMac(mac));
  return mentions
    .filter(({ name, mac: by }) => (by !== undefined ? by === normalMac(mac) : own !== undefined && name === own.name))
    .filter(({ file }) => !file.startsWith(`${paths.leases}/`))
    .flatMap((mention) => mention.addresses)
    .filter((address) => /^[0-9a-fA-F.:]+(\/|$)/.test(address));
}

/** What each NIC had in vSphere's eyes and is given by the guest's own files: it must have it wherever it boots. */
export function keptAddresses(facts: Facts, known: readonly NamedNic[]): Map<string, string[]> {
  const mentions = networkConfigs(facts).flatMap((each) => each.mentions);
  return new Map(
    facts.nics.map(({ mac, addresses }) => {
      const stated = new Set(statedOf(mac, known, mentions).map(plainAddress));
      return [normalMac(mac), addresses.filter((address) => stated.has(plainAddress(address)))];
    }),
  );
}

/** Static addresses in the files that vSphere did not report, and those of IPv4 that it reported besides them: they were added by hand, or by a cluster. */
export function differing(nics: readonly Nic[], known: readonly NamedNic[], mentions: readonly Mention[]) {
  return nics.flatMap(({ mac, addresses }) => {
    const stated = statedOf(mac, known, mentions);
    const reported = new Set(addresses.map(plainAddress));
    const others = stated.filter((address) => !reported.has(plainAddress(address)));
    const filed = new Set(stated.map(plainAddress));
    const besides = addresses.map(plainAddress).filter((address) => !address.includes(':') && !filed.has(address));
    const by4 = [...filed].some((address) => !address.includes(':'));
    if (addresses.length === 0 || (others.length === 0 && (besides.length === 0 || !by4))) return [];
    const why =
      others.length > 0
        ? `its files say ${others.join(', ')}, vSphere ${addresses.join(', ')}`
        : `vSphere reports ${besides.join(', ')} too, which none of its files gives: it will not come back by itself`;
    return [concern('guest.address-differs', `NIC ${mac}: ${why}`)];
  });
}

import { type Mention, normalMac } from './network/mention.ts';

export interface Nic {
  readonly mac: string;
  readonly addresses: readonly string[];
}

export interface NamedNic {
  readonly mac: string;
  readonly name: string;
  readonly addresses: string[];
  /** The guest gives the name by MAC already. */
  readonly kept: boolean;
}

export interface NicNames {
  readonly known: readonly NamedNic[];
  /** What is to be told of the NICs whose name is not known. */
  readonly unknown: readonly { readonly mac: string; readonly why: string }[];
}

/** A name that the kernel takes, and that is safe in a file name. */
const isName = (name: string) => /^[a-zA-Z0-9_-]{1,15}$/.test(name);

/**
 * Finds the name that the guest uses for each NIC: said by MAC, or found by an address that only one NIC and one name
 * have, or the one name left for the one NIC left. What stays open is told, never guessed.
 */
export function nicNames(nics: readonly Nic[], mentions: readonly Mention[]): NicNames {
  const byMac = new Map(nics.map((nic) => [normalMac(nic.mac), nic]));
  const known = new Map<string, { name: string; kept: boolean }>();
  const bound = new Map<string, string>();
  for (const { mac, name, names = false, file } of mentions) {
    if (mac === undefined || !byMac.has(mac)) continue;
    bound.set(mac, file);
    if (name !== undefined && isName(name) && (names || !known.has(mac))) known.set(mac, { name, kept: names });
  }
  const candidates = namesOf(mentions.filter(({ mac }) => mac === undefined));
  const open = () => [...byMac].filter(([mac]) => !known.has(mac));
  const free = () => {
    const taken = new Set([...known.values()].map(({ name }) => name));
    return [...candidates].filter(([name]) => !taken.has(name));
  };
  for (const [mac, name] of uniquePairs(open(), free())) known.set(mac, { name, kept: false });
  const nicsLeft = open().filter(([mac]) => !bound.has(mac));
  const namesLeft = free();
  if (nicsLeft.length === 1 && namesLeft.length === 1)
    known.set(nicsLeft[0]![0], { name: namesLeft[0]![0], kept: false });
  const why = (mac: string) => {
    if (bound.has(mac)) return `${bound.get(mac)} matches it by MAC: its settings stay, its name may change`;
    if (namesLeft.length === 0) return 'no configuration of the guest names it';
    return `its name is not known; it may be any of ${namesLeft.map(([name]) => name).join(', ')}`;
  };
  return {
    known: [...byMac].flatMap(([mac, nic]) => {
      const found = known.get(mac);
      return found ? [{ mac, ...found, addresses: [...nic.addresses] }] : [];
    }),
    unknown: open().map(([mac]) => ({ mac, why: why(mac) })),
  };
}

function namesOf(mentions: readonly Mention[]): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { name, addresses } of mentions) {
    if (name === undefined || !isName(name) || name === 'lo') continue;
    const known = names.get(name) ?? new Set();
    for (const address of addresses) known.add(plainAddress(address));
    names.set(name, known);
  }
  return names;
}

/** Pairs of NIC and name that share an address which no other NIC and no other name has. */
function uniquePairs(
  nics: readonly [string, Nic][],
  names: readonly [string, ReadonlySet<string>][],
): [string, string][] {
  const pairs = nics.flatMap(([mac, { addresses }]) =>
    names
      .filter(([, own]) => addresses.some((address) => own.has(plainAddress(address))))
      .map(([name]): [string, string] => [mac, name]),
  );
  const count = (index: 0 | 1, value: string) => pairs.filter((pair) => pair[index] === value).length;
  return pairs.filter(([mac, name]) => count(0, mac) === 1 && count(1, name) === 1);
}

/** Without prefix length, in one spelling. */
function plainAddress(address: string): string {
  const bare = address.split('/')[0]!.split('%')[0]!.toLowerCase();
  return bare.includes(':') && URL.canParse(`http://[${bare}]`)
    ? new URL(`http://[${bare}]`).hostname.slice(1, -1)
    : bare;
}

/** The .link file that keeps a NIC's name. `Type` keeps VLANs and bridges, which have the same MAC, out of it. */
export const linkFile = ({ mac, name }: { mac: string; name: string }): string =>
  [
    '[Match]',
    `MACAddress=${mac}`,
    'Type=ether',
    '',
    '[Link]',
    `Name=${name}`,
    'AlternativeNamesPolicy=database onboard slot path mac',
    'MACAddressPolicy=persistent',
    '',
  ].join('\n');

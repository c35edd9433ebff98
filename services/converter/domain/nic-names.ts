import { type Mention, normalMac } from './network/mention.ts';

export interface Nic {
  readonly mac: string;
  readonly addresses: readonly string[];
  /** VMware's slot number, by which systemd names it: `ens192`, of 1184 `ens161`. */
  readonly slot?: number | undefined;
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
  /** Names that were given in the VM's order, for want of anything better. */
  readonly byOrder: readonly string[];
}

/** What systemd calls the slot of a VMware's number: below 1024 the port, above it the function, each a slot of its own. */
export const slotName = (slot: number) => `ens${(slot % 1024) + Math.floor(slot / 1024)}`;

/** A name that the kernel takes, and that is safe in a file name. */
const isName = (name: string) => /^[a-zA-Z0-9_-]{1,15}$/.test(name);

/**
 * Finds the name that the guest uses for each NIC: said by MAC, or found by an address that only one NIC and one name
 * have, or by the slot or the MAC that systemd makes a name of, or the one name left for the one NIC left, or by the
 * VM's order where the kernel numbers them by it. What stays open is told, never guessed.
 */
export function nicNames(nics: readonly Nic[], mentions: readonly Mention[], bySlot = false): NicNames {
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
  for (const [mac, { slot }] of open()) {
    const made = [`enx${mac.replaceAll(':', '')}`, ...(slot === undefined ? [] : [slotName(slot)])];
    const found = made.find((name) => free().some(([each]) => each === name));
    if (found) known.set(mac, { name: found, kept: false });
  }
  const nicsLeft = open().filter(([mac]) => !bound.has(mac));
  const namesLeft = free();
  if (nicsLeft.length === 1 && namesLeft.length === 1)
    known.set(nicsLeft[0]![0], { name: namesLeft[0]![0], kept: false });
  const byOrder = inOrder(open(), free(), bound);
  for (const [mac, name] of byOrder) known.set(mac, { name, kept: false });
  // Nothing names it: it has the name that systemd makes, and keeps it.
  if (bySlot && free().length === 0)
    for (const [mac, { slot }] of open())
      if (slot !== undefined && ![...known.values()].some(({ name }) => name === slotName(slot)))
        known.set(mac, { name: slotName(slot), kept: false });
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
    byOrder: byOrder.map(([, name]) => name),
  };
}

/** `eth0`, `eth1` … for as many NICs: the kernel numbers them in the VM's order. */
function inOrder(
  nics: readonly [string, Nic][],
  names: readonly [string, unknown][],
  bound: ReadonlyMap<string, string>,
): [string, string][] {
  const numbered = names.flatMap(([name]) => (/^eth\d+$/.test(name) ? [name] : []));
  if (numbered.length !== names.length || numbered.length !== nics.length || nics.some(([mac]) => bound.has(mac)))
    return [];
  const sorted = numbered.sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
  return nics.map(([mac], i) => [mac, sorted[i]!]);
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
  const counts = new Map<string, number>();
  for (const each of pairs.flat()) counts.set(each, (counts.get(each) ?? 0) + 1);
  return pairs.filter((pair) => pair.every((each) => counts.get(each) === 1));
}

/** Without prefix length, in one spelling. */
export function plainAddress(address: string): string {
  const bare = address.split('/')[0]!.split('%')[0]!.toLowerCase();
  return bare.includes(':') && URL.canParse(`http://[${bare}]`)
    ? new URL(`http://[${bare}]`).hostname.slice(1, -1)
    : bare;
}

/** The .link file that keeps a NIC's name. `Type` keeps VLANs and bridges, which have the same MAC, out of it. */
export const linkFile = ({ mac, name }: { mac: string; name: string }, settings: readonly string[] = []): string =>
  [
    '[Match]',
    `MACAddress=${mac}`,
    'Type=ether',
    '',
    '[Link]',
    `Name=${name}`,
    'AlternativeNamesPolicy=database onboard slot path mac',
    'MACAddressPolicy=persistent',
    ...settings,
    '',
  ].join('\n');

/** The same for a guest whose udev knows no .link files. */
export const udevRule = ({ mac, name }: { mac: string; name: string }): string =>
  `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${mac}", ATTR{type}=="1", NAME="${name}"\n`;

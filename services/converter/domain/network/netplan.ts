import { parse } from 'yaml';
import { below, isPattern, type Mention, normalMac, type TextFile } from './mention.ts';

export interface Ethernet {
  readonly match?: { readonly macaddress?: unknown; readonly name?: unknown; readonly driver?: unknown };
  readonly 'set-name'?: unknown;
  readonly addresses?: unknown;
  readonly dhcp4?: unknown;
  readonly dhcp6?: unknown;
  readonly 'dhcp-identifier'?: unknown;
}

/** What stands on others, by their keys. */
interface Upper {
  readonly interfaces?: unknown;
  readonly link?: unknown;
  readonly addresses?: unknown;
}

interface Network {
  readonly ethernets?: Record<string, Ethernet | null>;
  readonly bonds?: Record<string, Upper | null>;
  readonly bridges?: Record<string, Upper | null>;
  readonly vlans?: Record<string, Upper | null>;
}

/** netplan: an ethernet's key is its name, unless `match` says otherwise. Files that are no YAML are passed over. */
export function netplanMentions(files: readonly TextFile[]): Mention[] {
  const all = files.map(({ path, text }) => ({ path, network: networkIn(text) }));
  // What files say of one key is of one NIC: how it is matched may stand in another than its addresses.
  const matches = new Map<string, Partial<Ethernet>>();
  for (const { network } of all)
    for (const [key, { match, 'set-name': name }] of entries(network.ethernets))
      matches.set(key, {
        ...matches.get(key),
        ...(match === undefined ? {} : { match: { ...matches.get(key)?.match, ...match } }),
        ...(name === undefined ? {} : { 'set-name': name }),
      });
  const own = all.flatMap(({ path, network }) =>
    entries(network.ethernets).map(([key, { addresses }]) => ({
      key,
      mentions: mention(key, { ...matches.get(key), addresses }, path),
    })),
  );
  const names = new Map(own.map(({ key, mentions }) => [key, mentions[0]?.name ?? '']));
  const above = all.flatMap(({ path, network: { bonds, bridges, vlans } }) =>
    [bonds, bridges, vlans].flatMap(entries).flatMap(([, { interfaces, link, addresses }]) => {
      const ports: unknown[] = Array.isArray(interfaces) ? interfaces : [link];
      // What is no ethernet stands on others itself.
      const nics = ports.flatMap((port) => (typeof port === 'string' ? (names.get(port) ?? []) : []));
      return below(nics, ports.length === 1 ? addressesOf(addresses) : [], path);
    }),
  );
  return [...own.flatMap(({ mentions }) => mentions), ...above];
}

const entries = <T extends object>(found: Record<string, T | null> | undefined): [string, Partial<T>][] =>
  Object.entries(isRecord(found) ? found : {}).map(([key, value]) => [key, isRecord(value) ? value : {}]);

/** Nobody writes more by hand; to read much more, or many anchors, would take minutes. */
const maxLength = 64 * 1024;
const maxAnchors = 100;

/** What a file says of ethernets, by key; none when it is no YAML. */
export const ethernets = (text: string): Record<string, Ethernet | null> => {
  const found = networkIn(text).ethernets;
  return isRecord(found) ? found : {};
};

function networkIn(text: string): Network {
  if (text.length > maxLength || text.split('&').length > maxAnchors) return {};
  try {
    const document = parse(text, { maxAliasCount: 20, logLevel: 'error' }) as { network?: Network } | null;
    return isRecord(document?.network) ? document.network : {};
  } catch {
    return {};
  }
}

function mention(key: string, value: Ethernet, file: string): Mention[] {
  const addresses = addressesOf(value.addresses);
  const setName = typeof value['set-name'] === 'string' ? value['set-name'] : undefined;
  const mac = value.match?.macaddress;
  if (typeof mac === 'string')
    return [{ mac: normalMac(mac), addresses, file, ...(setName ? { name: setName, names: true } : {}) }];
  // An ethernet that is matched by its driver bears its own key as a name for people alone.
  const name = value.match === undefined || value.match === null ? key : (value.match.name ?? setName);
  return typeof name === 'string' && !isPattern(name) ? [{ name, addresses, file }] : [];
}

export const addressesOf = (value: unknown): string[] => (Array.isArray(value) ? value : []).flatMap(address);

/** An address is a text, or a text with options of its own. */
function address(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.keys(value).slice(0, 1) : [];
}

const isRecord = <T extends object>(value: T | null | undefined): value is T =>
  value !== null && typeof value === 'object';

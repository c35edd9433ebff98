import { parse } from 'yaml';
import { isPattern, type Mention, normalMac, type TextFile } from './mention.ts';

export interface Ethernet {
  readonly match?: { readonly macaddress?: unknown; readonly name?: unknown; readonly driver?: unknown };
  readonly 'set-name'?: unknown;
  readonly addresses?: unknown;
  readonly dhcp4?: unknown;
}

/** netplan: an ethernet's key is its name, unless `match` says otherwise. Files that are no YAML are passed over. */
export function netplanMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }) =>
    Object.entries(ethernets(text)).flatMap(([key, value]) => mention(key, isRecord(value) ? value : {}, path)),
  );
}

/** Nobody writes more by hand; to read much more, or many anchors, would take minutes. */
const maxLength = 64 * 1024;
const maxAnchors = 100;

/** What a file says of ethernets, by key; none when it is no YAML. */
export function ethernets(text: string): Record<string, Ethernet | null> {
  if (text.length > maxLength || text.split('&').length > maxAnchors) return {};
  try {
    const document = parse(text, { maxAliasCount: 20, logLevel: 'error' }) as {
      network?: { ethernets?: Record<string, Ethernet> };
    } | null;
    const found = document?.network?.ethernets;
    return found !== null && typeof found === 'object' ? found : {};
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

const isRecord = (value: unknown): value is Ethernet => value !== null && typeof value === 'object';

import { parse } from 'yaml';
import { isPattern, type Mention, normalMac, type TextFile } from './mention.ts';

interface Ethernet {
  readonly match?: { readonly macaddress?: unknown; readonly name?: unknown };
  readonly 'set-name'?: unknown;
  readonly addresses?: unknown;
}

/** netplan: an ethernet's key is its name, unless `match` says otherwise. Files that are no YAML are passed over. */
export function netplanMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }) =>
    Object.entries(ethernets(text)).flatMap(([key, value]) => mention(key, value ?? {}, path)),
  );
}

function ethernets(text: string): Record<string, Ethernet | null> {
  try {
    const document = parse(text, { maxAliasCount: 20 }) as {
      network?: { ethernets?: Record<string, Ethernet> };
    } | null;
    const found = document?.network?.ethernets;
    return found !== null && typeof found === 'object' ? found : {};
  } catch {
    return {};
  }
}

function mention(key: string, value: Ethernet, file: string): Mention[] {
  const addresses = (Array.isArray(value.addresses) ? value.addresses : []).flatMap(address);
  const setName = typeof value['set-name'] === 'string' ? value['set-name'] : undefined;
  const mac = value.match?.macaddress;
  if (typeof mac === 'string')
    return [{ mac: normalMac(mac), addresses, file, ...(setName ? { name: setName, names: true } : {}) }];
  const name = value.match === undefined ? key : value.match.name;
  return typeof name === 'string' && !isPattern(name) ? [{ name, addresses, file }] : [];
}

/** An address is a text, or a text with options of its own. */
function address(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.keys(value).slice(0, 1) : [];
}

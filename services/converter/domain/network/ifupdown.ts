import { baseName, below, isVirtual, type Mention, type TextFile } from './mention.ts';

interface Stanza {
  readonly name: string;
  readonly addresses: string[];
  readonly ports: string[];
}

/** Options whose values are the hardware below a bridge, a bond or a VLAN; ifupdown-ng has words of its own. */
const portOptions = /^(bridge[_-]ports|bond[_-](slaves|members)|slaves|vlan[_-]raw[_-]device)$/;
const noPorts = new Set(['none', 'all', 'regex']);

/** interfaces(5): what `/etc/network/interfaces` and the files it draws in say of each NIC. */
export function ifupdownMentions(files: readonly TextFile[]): Mention[] {
  return files.flatMap(({ path, text }) => stanzas(text).flatMap((stanza) => mentions(stanza, path)));
}

function stanzas(text: string): Stanza[] {
  const found: Stanza[] = [];
  let current: Stanza | undefined;
  for (const raw of text.replace(/\\\n/g, ' ').split('\n')) {
    const [keyword, ...rest] = raw.trim().split(/\s+/);
    if (!keyword || keyword.startsWith('#')) continue;
    if (keyword === 'iface') {
      current = { name: rest[0] ?? '', addresses: [], ports: [] };
      found.push(current);
    } else if (/^(auto|allow-.*|no-auto-down|no-scripts|mapping|source|source-directory|template)$/.test(keyword)) {
      if (keyword === 'auto' || keyword.startsWith('allow-'))
        found.push(...rest.map((name) => ({ name, addresses: [], ports: [] })));
      current = undefined;
    } else if (keyword === 'address') current?.addresses.push(rest[0] ?? '');
    else if (portOptions.test(keyword)) current?.ports.push(...rest.filter((port) => !noPorts.has(port)));
  }
  return found;
}

const mentions = ({ name, addresses, ports }: Stanza, file: string): Mention[] =>
  below(ports.length > 0 ? ports : isVirtual(baseName(name)) ? [] : [name], addresses, file);

/** The files that `source` and `source-directory` lines draw in, as patterns: only the last part may hold `*`. */
export function ifupdownSources(
  text: string,
  base = '/etc/network',
): { folder: string; matches(name: string): boolean }[] {
  return text.split('\n').flatMap((line) => {
    const [keyword, pattern] = line.trim().split(/\s+/);
    if (!pattern || (keyword !== 'source' && keyword !== 'source-directory')) return [];
    const path = pattern.startsWith('/') ? pattern : `${base}/${pattern}`;
    if (keyword === 'source-directory') return [{ folder: path.replace(/\/$/, ''), matches: isPlainName }];
    const last = path.slice(path.lastIndexOf('/') + 1);
    return [
      {
        folder: path.slice(0, path.lastIndexOf('/')),
        matches: (name) => isLike(name, last) && !name.startsWith('.'),
      },
    ];
  });
}

/** By `*` and `?`, in a time that is bounded by the product of both lengths. */
function isLike(name: string, pattern: string): boolean {
  let [at, after, star, from] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[after] === '*') [star, from, after] = [after, at, after + 1];
    else if (pattern[after] === '?' || pattern[after] === name[at]) [at, after] = [at + 1, after + 1];
    else if (star < 0) return false;
    // The last star takes one letter more.
    else [from, at, after] = [from + 1, from + 1, star + 1];
  }
  return /^\**$/.test(pattern.slice(after));
}

const isPlainName = (name: string) => /^[a-zA-Z0-9_-]+$/.test(name);

export interface OsRelease {
  readonly id: string;
  readonly like: readonly string[];
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
  /** `12`, `9.4`; empty where a distribution has none. */
  readonly version: string;
}

const longest = 200;

/** Parses os-release(5): shell assignments, values quoted or not. */
export function parseOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match) fields.set(match[1]!, unquote(match[2]!).slice(0, longest));
  }
  const id = fields.get('ID') ?? 'linux';
  return {
    id,
    like: (fields.get('ID_LIKE') ?? '').split(/\s+/).filter((each) => each !== ''),
    name: fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id,
    version: fields.get('VERSION_ID') ?? '',
  };
}

function unquote(value: string): string {
  const quote = value[0];
  if ((quote !== '"' && quote !== "'") || value.length < 2 || !value.endsWith(quote)) return value;
  const inner = value.slice(1, -1);
  return quote === '"' ? inner.replace(/\\(["\\$`])/g, '$1') : inner;
}

/** The families whose ways are known, by what os-release names. */
const families = {
  debian: ['debian', 'ubuntu'],
  redhat: ['rhel', 'fedora', 'centos', 'rocky', 'almalinux', 'ol'],
  suse: ['suse', 'sles', 'sled', 'opensuse', 'opensuse-leap', 'opensuse-tumbleweed', 'sle-micro'],
} as const;
export type Family = keyof typeof families;

export function familyOf({ id, like }: OsRelease): Family | undefined {
  const names = [id, ...like];
  return (Object.keys(families) as Family[]).find((family) =>
    names.some((name) => (families[family] as readonly string[]).includes(name)),
  );
}

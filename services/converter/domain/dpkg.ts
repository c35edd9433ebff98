/** One paragraph of a Debian control file: field -> value, further lines kept. */
export type Paragraph = ReadonlyMap<string, string>;

export function parseControl(text: string): Paragraph[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const fields = new Map<string, string>();
      let last = '';
      for (const line of block.split('\n')) {
        if (/^[ \t]/.test(line)) fields.set(last, `${fields.get(last) ?? ''}\n${line}`);
        else {
          const at = line.indexOf(':');
          if (at <= 0) continue;
          last = line.slice(0, at);
          fields.set(last, line.slice(at + 1).trim());
        }
      }
      return fields;
    });
}

export const writeControl = (paragraph: Paragraph): string =>
  [...paragraph].map(([field, value]) => `${field}:${value.startsWith('\n') ? '' : ' '}${value}\n`).join('');

export interface Dependency {
  readonly name: string;
  readonly relation?: '<<' | '<=' | '=' | '>=' | '>>';
  readonly version?: string;
}

/** `a (>= 1), b | c` -> alternatives of alternatives. */
export function parseDepends(text: string): Dependency[][] {
  return text
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '')
    .map((group) =>
      group.split('|').flatMap((one): Dependency[] => {
        const match = /^\s*([a-z0-9][a-z0-9+.-]*)(?::\w+)?\s*(?:\(\s*(<<|<=|=|>=|>>)\s*([^\s)]+)\s*\))?/.exec(one);
        if (!match) return [];
        const [, name, relation, version] = match;
        return [relation ? { name: name!, relation: relation as '=', version: version! } : { name: name! }];
      }),
    );
}

/** Orders Debian versions: negative, 0 or positive. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [splitVersion(a), splitVersion(b)];
  return (
    left.epoch - right.epoch || comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision)
  );
}

function splitVersion(version: string) {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon > 0 ? Number(version.slice(0, colon)) : 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** `~` before the end, the end before letters, letters before the rest. */
const rank = (char: string | undefined) =>
  char === undefined || /\d/.test(char)
    ? 0
    : char === '~'
      ? -1
      : /[A-Za-z]/.test(char)
        ? char.charCodeAt(0)
        : char.charCodeAt(0) + 256;

/** Compares runs of other characters and runs of digits in turn. */
function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !/\d/.test(a[i]!)) || (j < b.length && !/\d/.test(b[j]!))) {
      const difference = rank(a[i]) - rank(b[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const left = /^\d*/.exec(a.slice(i))![0];
    const right = /^\d*/.exec(b.slice(j))![0];
    const difference = Number(left || 0) - Number(right || 0);
    if (difference !== 0) return difference;
    i += left.length;
    j += right.length;
  }
  return 0;
}

/** A package that is there: its name, or one that it provides, with the version. */
export interface Present {
  readonly version: string | undefined;
}

export function satisfies({ relation, version }: Dependency, present: Present): boolean {
  if (!relation || version === undefined) return true;
  if (present.version === undefined) return false;
  const order = compareVersions(present.version, version);
  switch (relation) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

/** What dpkg's status says is installed, by name, with what it provides. */
export function installedPackages(status: readonly Paragraph[]): Map<string, Present[]> {
  const found = new Map<string, Present[]>();
  const add = (name: string, version: string | undefined) => {
    const known = found.get(name);
    if (known) known.push({ version });
    else found.set(name, [{ version }]);
  };
  for (const fields of status) {
    if (!isInstalled(fields)) continue;
    add(fields.get('Package') ?? '', fields.get('Version'));
    for (const { name, version } of parseDepends(fields.get('Provides') ?? '').flat()) add(name, version);
  }
  return found;
}

export const isInstalled = (fields: Paragraph) => fields.get('Status')?.endsWith(' ok installed') ?? false;

export interface Section {
  readonly name: string;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** Parses what systemd and NetworkManager write: `[Section]`, `Key=value`, comments. Keys may come more than once. */
export function parseIni(text: string): Section[] {
  const sections: { name: string; values: Map<string, string[]> }[] = [];
  for (const raw of text.replace(/\\\n/g, ' ').split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const section = /^\[(.+)\]$/.exec(line);
    if (section) {
      sections.push({ name: section[1]!, values: new Map() });
      continue;
    }
    const at = line.indexOf('=');
    const values = sections.at(-1)?.values;
    if (at <= 0 || !values) continue;
    const key = line.slice(0, at).trim();
    const before = values.get(key);
    if (before) before.push(line.slice(at + 1).trim());
    else values.set(key, [line.slice(at + 1).trim()]);
  }
  return sections;
}

/** All values of a key in the sections of a name. */
export const valuesOf = (sections: readonly Section[], section: string, key: string): string[] =>
  sections.filter(({ name }) => name === section).flatMap(({ values }) => values.get(key) ?? []);

/** The value that holds: the last. */
export const lastOf = (sections: readonly Section[], section: string, key: string): string | undefined =>
  valuesOf(sections, section, key).at(-1);

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '../state.ts';

const folder = '/etc/apt/sources.list.d';

/** The machine's own Debian sources, in deb822, with another suite in place of its release. */
export function sourcesFor(suite: string): string {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(sources|list)$/.test(name)) : [];
  // Debian's own comes first: others may have been added beside it.
  const ordered = files.sort((a, b) => Number(b.startsWith('debian.')) - Number(a.startsWith('debian.')));
  for (const file of [...ordered.map((name) => join(folder, name)), '/etc/apt/sources.list']) {
    const found = existsSync(file) ? inSuite(readFileSync(file, 'utf8'), suite) : undefined;
    if (found) return found;
  }
  throw new Error(`no Debian sources in ${folder} or /etc/apt/sources.list: the lab is built from Debian’s packages`);
}

/** The same as a file, for mmdebstrap. */
export function sourcesFile(suite: string): string {
  const file = join(tmpdir(), `tranship-${suite}.sources`);
  writeWhole(file, sourcesFor(suite));
  return file;
}

/** The first Debian archive that a file names (deb822 or one line each), with this suite. */
export function inSuite(text: string, suite: string): string | undefined {
  const stanzas = text.includes('Types:') ? text.split(/\n\s*\n/) : text.split('\n').map(fromLine);
  const own = stanzas.find(
    (each) => /^Types:.*\bdeb\b/m.test(each) && /^Suites:\s*(bookworm|trixie|sid)\b/m.test(each),
  );
  return own && `${own.trim().replace(/^Suites:.*$/m, `Suites: ${suite}`)}\n`;
}

/** `deb [signed-by=KEY] URI SUITE COMPONENT...` */
function fromLine(line: string): string {
  const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line.trim());
  if (!match) return '';
  const key = /signed-by=(\S+)/i.exec(match[1] ?? '')?.[1];
  const fields = ['Types: deb', `URIs: ${match[2]}`, `Suites: ${match[3]}`, `Components: ${match[4]}`];
  return [...fields, ...(key ? [`Signed-By: ${key}`] : [])].join('\n');
}

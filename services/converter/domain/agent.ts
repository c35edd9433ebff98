import {
  compareVersions,
  type Dependency,
  installedPackages,
  type Paragraph,
  parseControl,
  parseDepends,
  satisfies,
  writeControl,
} from './dpkg.ts';

/** A package of the media folder, unpacked. */
export interface Package {
  readonly control: Paragraph;
  /** What dpkg keeps of it below info/, by suffix: md5sums, postinst, conffiles … */
  readonly info: ReadonlyMap<string, Buffer>;
  /** Everything it lays into the file system, in its own order; paths begin with `/`. */
  readonly files: readonly PackageFile[];
}

export type PackageFile =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      readonly content: Buffer;
      readonly md5: string;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

export const agentName = 'qemu-guest-agent';

/** Which packages bring the guest agent into this guest; or why none do. */
export function agentPackages(
  status: string,
  media: readonly Package[],
): { readonly packages: readonly Package[] } | { readonly why: string } {
  const paragraphs = parseControl(status);
  const installed = installedPackages(paragraphs);
  const architecture = paragraphs.find((fields) => fields.get('Package') === 'dpkg')?.get('Architecture');
  const offered = media.filter(({ control }) => ['all', architecture].includes(control.get('Architecture')));
  const chosen: Package[] = [];
  const has = (dependency: Dependency) =>
    (installed.get(dependency.name) ?? []).some((present) => satisfies(dependency, present)) ||
    chosen.some(({ control }) => matches(dependency, control));
  const wanted: Dependency[] = [{ name: agentName }];
  for (let next = wanted.shift(); next; next = wanted.shift()) {
    const dependency = next;
    if (has(dependency)) continue;
    const offer = newest(offered.filter(({ control }) => matches(dependency, control)));
    const written = `${dependency.name}${dependency.relation ? ` (${dependency.relation} ${dependency.version})` : ''}`;
    if (!offer) return { why: `it needs ${written}, which neither the guest nor the media folder has` };
    // An older one is there: to replace what other programs of the guest use is not ours.
    if (installed.has(dependency.name)) return { why: `the guest's ${dependency.name} is not ${written}` };
    chosen.push(offer);
    const groups = ['Pre-Depends', 'Depends'].flatMap((field) => parseDepends(offer.control.get(field) ?? ''));
    wanted.push(...groups.filter((group) => !group.some(has)).map((group) => group[0]!));
  }
  return { packages: chosen };
}

const matches = (dependency: Dependency, control: Paragraph) =>
  control.get('Package') === dependency.name && satisfies(dependency, { version: control.get('Version') });

const newest = (packages: readonly Package[]): Package | undefined =>
  [...packages].sort((a, b) => compareVersions(b.control.get('Version') ?? '', a.control.get('Version') ?? ''))[0];

/** The name under which dpkg keeps a package: with its architecture where several may be installed together. */
export function infoName(control: Paragraph): string {
  const name = control.get('Package') ?? '';
  return control.get('Multi-Arch') === 'same' ? `${name}:${control.get('Architecture')}` : name;
}

/** dpkg's list of a package's paths. */
export const fileList = ({ files }: Package): string =>
  ['/.', ...files.map(({ path }) => path)].map((path) => `${path}\n`).join('');

/** dpkg's status with the packages as installed. */
export function withPackages(status: string, packages: readonly Package[]): string {
  const names = new Set(packages.map(({ control }) => control.get('Package')));
  const others = status
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '' && !names.has(/^Package: (\S+)/m.exec(block)?.[1]))
    .map((block) => block.replace(/\n+$/, ''));
  return [...others, ...packages.map(paragraph)].map((block) => `${block}\n\n`).join('');
}

function paragraph({ control, files, info }: Package): string {
  const fields = new Map([['Package', control.get('Package') ?? ''], ['Status', 'install ok installed'], ...control]);
  const sums = new Map(files.flatMap((file) => (file.kind === 'file' ? [[file.path, file.md5]] : [])));
  const conffiles = (info.get('conffiles')?.toString() ?? '').split('\n').filter((path) => sums.has(path));
  const description = fields.get('Description');
  fields.delete('Description');
  if (conffiles.length > 0) fields.set('Conffiles', conffiles.map((path) => `\n ${path} ${sums.get(path)}`).join(''));
  if (description !== undefined) fields.set('Description', description);
  return writeControl(fields).replace(/\n$/, '');
}

/** dpkg's index of file triggers with what the packages are interested in. */
export function withTriggers(index: string, packages: readonly Package[]): string {
  const lines = packages.flatMap(({ control, info }) =>
    (info.get('triggers')?.toString() ?? '').split('\n').flatMap((line) => {
      const [directive = '', path = ''] = line.trim().split(/\s+/);
      if (!directive.startsWith('interest') || !path.startsWith('/')) return [];
      return [`${path} ${infoName(control)}${directive === 'interest-noawait' ? '/noawait' : ''}`];
    }),
  );
  const known = new Set(index.split('\n'));
  return (
    index +
    lines
      .filter((line) => !known.has(line))
      .map((line) => `${line}\n`)
      .join('')
  );
}

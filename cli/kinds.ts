import { type DocumentKind, type MigrationStatus, migrationSchema, type Plan } from '@tranship/contracts';
import { usage } from './errors.ts';
import { age } from './render/units.ts';

/** What the server keeps, as it gives it: newer fields are shown, not refused. */
export interface Stored {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
  };
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

interface Column<T> {
  readonly title: string;
  /** Shown with `-o wide` alone. */
  readonly wide?: boolean;
  of(item: T, now: number): string;
}

export interface Kind<T = unknown> {
  /** In messages and with `-o name`. */
  readonly name: string;
  /** In addresses. */
  readonly plural: string;
  /** Of a document that can be applied; a migration is none. */
  readonly document?: DocumentKind;
  readonly aliases: readonly string[];
  readonly schema: { parse(value: unknown): T };
  nameOf(item: T): string;
  readonly columns: readonly Column<T>[];
}

const text = (value: unknown): string => (value === undefined || value === null ? '-' : String(value));
const name: Column<Stored> = { title: 'NAME', of: ({ metadata }) => metadata.name };
const created: Column<Stored> = { title: 'AGE', of: ({ metadata }, now) => age(metadata.creationTimestamp, now) };
const count = (value: unknown) => String(Array.isArray(value) ? value.length : 0);
const mapColumns: readonly Column<Stored>[] = [
  name,
  { title: 'SOURCE', of: ({ spec }) => text(spec.source) },
  { title: 'ENTRIES', of: ({ spec }) => count(spec.entries) },
  created,
];

function stored(
  document: DocumentKind,
  plural: string,
  aliases: string[],
  columns: readonly Column<Stored>[],
): Kind<Stored> {
  const schema = { parse: (value: unknown) => value as Stored };
  const nameOf = ({ metadata }: Stored) => metadata.name;
  return { name: plural.slice(0, -1), plural, document, aliases, schema, nameOf, columns };
}

const over = new Set(['succeeded', 'failed', 'cancelled']);
const migration: Kind<MigrationStatus> = {
  name: 'migration',
  plural: 'migrations',
  aliases: ['migration', 'mig'],
  schema: migrationSchema,
  nameOf: ({ id }) => id,
  columns: [
    { title: 'NAME', of: ({ id }) => id },
    { title: 'PLAN', of: ({ plan }) => plan },
    { title: 'STATE', of: ({ state }) => state },
    { title: 'DONE', of: ({ vms }) => `${vms.filter(({ state }) => over.has(state)).length}/${vms.length}` },
    { title: 'FINISHED', wide: true, of: ({ finished }) => finished ?? '-' },
    { title: 'AGE', of: ({ started }, now) => age(started, now) },
  ],
};

export const kinds: readonly Kind[] = [
  stored(
    'Provider',
    'providers',
    ['provider'],
    [
      name,
      { title: 'TYPE', of: ({ spec }) => text(spec.type) },
      { title: 'STATE', of: ({ status }) => text(status?.state) },
      { title: 'URL', of: ({ spec }) => text(spec.url) },
      {
        title: 'TRANSFER',
        wide: true,
        of: ({ spec }) => text((spec.transfer as { method?: string } | undefined)?.method),
      },
    ],
  ),
  stored('NetworkMap', 'network-maps', ['network-map', 'networkmap', 'networkmaps', 'nm'], mapColumns),
  stored('StorageMap', 'storage-maps', ['storage-map', 'storagemap', 'storagemaps', 'sm'], mapColumns),
  stored(
    'Plan',
    'plans',
    ['plan'],
    [
      name,
      { title: 'SOURCE', of: ({ spec }) => text(spec.source) },
      { title: 'TARGET', of: ({ spec }) => text((spec as Partial<Plan['spec']>).target?.namespace) },
      { title: 'VMS', of: ({ spec }) => count(spec.vms) },
      { title: 'TYPE', wide: true, of: ({ spec }) => text(spec.type) },
      { title: 'GENERATION', wide: true, of: ({ metadata }) => text(metadata.generation) },
      created,
    ],
  ),
  migration,
];

/** By whatever a person calls it: `plan`, `plans`, `Plan`, `nm` … @throws CliError usage */
export function kindOf(text: string): Kind {
  const wanted = text.toLowerCase();
  const found = kinds.find(({ plural, aliases }) => plural === wanted || aliases.includes(wanted));
  if (found) return found;
  throw usage(`there is no kind ${text}; there are: ${kinds.map(({ plural }) => plural).join(', ')}`);
}

/** `plan web` or `plan/web`. */
export function reference(kind: string, name: string | undefined): { kind: Kind; name: string | undefined } {
  const [first = '', ...rest] = kind.split('/');
  if (rest.length === 0) return { kind: kindOf(kind), name };
  if (name !== undefined) throw usage(`give ${kind} or ${first} ${name}, not both`);
  return { kind: kindOf(first), name: rest.join('/') };
}

export const kindOfDocument = (kind: string): Kind => kinds.find(({ document }) => document === kind)!;

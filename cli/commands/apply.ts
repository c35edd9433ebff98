import { isDeepStrictEqual } from 'node:util';
import type { Document } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { exits, usage } from '../errors.ts';
import { collect, readDocuments } from '../files.ts';
import { kindOfDocument, type Stored } from '../kinds.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';

/** Providers before maps before plans: what others name comes first. */
const order = ['Provider', 'NetworkMap', 'StorageMap', 'Plan'];

export const apply: Register = (program) => {
  program
    .command('apply')
    .description('stores documents: creates what is new, replaces what has changed')
    .requiredOption('-f, --filename <file>', 'file or folder of YAML or JSON, or - for standard input', collect)
    .option('--dry-run', 'checks the documents and says what would be done')
    .action(
      action(async ({ api, terminal, format }, { filename, dryRun }: { filename: string[]; dryRun?: boolean }) => {
        // All are checked before the first is stored.
        const documents = await readDocuments(filename, terminal);
        if (documents.length === 0) throw usage(`${filename.join(', ')}: there are no documents in it`);
        documents.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
        const stored: Stored[] = [];
        for (const document of documents) {
          const kind = kindOfDocument(document.kind);
          const name = `${kind.name}/${document.metadata.name}`;
          const { verb, now } = await (dryRun ? compare : store)(api, kind.plural, document);
          stored.push(now);
          if (format === 'name') terminal.out(name);
          else if (format === 'table' || format === 'wide')
            terminal.out(`${name} ${verb}${dryRun ? ' (dry run)' : ''}`);
        }
        const value = stored.length === 1 ? stored[0] : { items: stored };
        if (format === 'json' || format === 'yaml') show(terminal, format, value, () => []);
        return exits.done;
      }),
    );
};

interface Outcome {
  verb: 'created' | 'configured' | 'unchanged';
  now: Stored;
}
const any = { parse: (value: unknown) => value as Stored };
const find = (api: Api, plural: string, { metadata }: Document) => api.find([plural, metadata.name], any);
const version = ({ metadata }: Stored) => metadata.resourceVersion ?? metadata.generation;

async function store(api: Api, plural: string, document: Document): Promise<Outcome> {
  const before = await find(api, plural, document);
  const now = await api.send('PUT', [plural, document.metadata.name], any, { body: document });
  if (before === undefined) return { verb: 'created', now };
  const same = version(before) === version(now) && isDeepStrictEqual(before.spec, now.spec);
  return { verb: same ? 'unchanged' : 'configured', now };
}

async function compare(api: Api, plural: string, document: Document): Promise<Outcome> {
  const before = await find(api, plural, document);
  const now = document as unknown as Stored;
  if (before === undefined) return { verb: 'created', now };
  return { verb: isDeepStrictEqual(before.spec, now.spec) ? 'unchanged' : 'configured', now };
}

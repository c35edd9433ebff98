import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  concernCatalogue,
  documentExamples,
  documentKinds,
  errorCatalogue,
  eventExamples,
  events,
  fieldsOf,
  type InventoryKind,
  inventoryKinds,
  messageExamples,
  messages,
  queries,
  queryExamples,
  stepExamples,
  steps,
} from '@tranship/contracts';
import { stringify } from 'yaml';
import { z } from 'zod';
import { root } from './checks.ts';
import { commandLine } from './reference/cli.ts';
import { block, fields, head, json, table } from './reference/markdown.ts';
import { settings } from './reference/settings.ts';

/** `docs/reference`: what contracts, services and the command line declare, for people. Made by `node scripts/reference.ts`; never written by hand. */
export function reference(): Record<string, string> {
  return {
    'events.md': page('Events', eventIntro, Object.entries(events), ([type, { aggregate, data }]) => [
      `## ${type}`,
      `Aggregate \`${aggregate}\`.`,
      block('json', json(eventExamples[type as keyof typeof events])),
      told(data),
    ]),
    'commands.md': [
      page('Commands', commandIntro, Object.entries(steps), ([name, { service, deadlineMs, since, input, result }]) => [
        `## ${name}`,
        `To ${service}, within ${deadlineMs / 60_000} min${since === 'begin' ? '' : ' of the last byte that was moved'}.`,
        block('json', json(stepExamples[name as keyof typeof steps].input)),
        fields(input),
        'Its result:',
        block('json', json(stepExamples[name as keyof typeof steps].result)),
        fields(result),
      ]),
      page('Queries', queryIntro, Object.entries(queries), ([name, { service, deadlineMs }]) => [
        `## ${name}`,
        `To ${service}, within ${deadlineMs / 1000} s.`,
        block('json', json(queryExamples[name as keyof typeof queries].input)),
        'Its answer:',
        block('json', json(queryExamples[name as keyof typeof queries].result)),
      ]),
    ].join('\n'),
    'messages.md': page('Messages', messageIntro, Object.entries(messages), ([name, { about, ...shapes }]) => {
      const { subject, ...example } = messageExamples[name as keyof typeof messages];
      return [`## ${name}`, `${about}. On \`${subject}\`:`, ...messageParts(shapes, example)];
    }),
    'errors.md': `${head('Errors', errorIntro, 'libs/contracts')}\n${errorTable()}\n`,
    'concerns.md': `${head('Concerns', concernIntro, 'libs/contracts')}\n${concernTable()}\n`,
    'inventory.md': page('Inventory', inventoryIntro, Object.keys(inventoryKinds) as InventoryKind[], (kind) => [
      `## ${kind}`,
      table(
        ['field', 'type', ''],
        [...fieldsOf(kind)].map(([name, { type, choices }]) => [`\`${name}\``, type, choices?.join(', ') ?? '']),
      ),
    ]),
    'cli.md': commandLine(),
    'settings.md': settings(),
    'documents.md': page('Documents', documentIntro, Object.entries(documentKinds), ([kind, schema]) => [
      `## ${kind}`,
      block('yaml', stringify(documentExamples[kind as keyof typeof documentKinds]).trimEnd()),
      fields(schema),
    ]),
  };
}

const eventIntro = 'On `tranship.v1.evt.<aggregate>.<id>…` as CloudEvents 1.0; this is their `data`.';
const commandIntro =
  'On `tranship.v1.cmd.<service>.<step>.<migration>.<vm>`; a worker reports its outcome to the planner.';
const queryIntro = 'Core requests on `tranship.v1.qry.<service>.<name>`; the answer is `{ok, data}` or `{ok, error}`.';
const messageIntro =
  'What goes over NATS beside the data of events, commands and queries, each with its subject by example.';
const errorIntro = 'Every failure that a person may see. `retry`: another try may help by itself.';
const concernIntro =
  'What is told of a VM, its guest or its course, each with why and where. Critical: it stands in the way. A guest that cannot be converted is told by the code of its [refusal](errors.md).';
const documentIntro = 'YAML or JSON. JSON Schemas: `GET /v1/schemas/{kind}`.';

const inventoryIntro = `What \`GET /v1/providers/{name}/inventory/{kind}\` and \`tranship inventory KIND\` show of a source, and what a row can be chosen by:

\`\`\`
tranship inventory vms vc1 --where 'memoryMB > 4096 and powerState = "poweredOn" and not (template or name like "test-*")'
\`\`\`

| | |
| --- | --- |
| \`=\` \`!=\` | of texts (in quotes of either kind), numbers, \`true\` and \`false\`; a truth may stand alone: \`template\` |
| \`>\` \`>=\` \`<\` \`<=\` | of numbers |
| \`like\` | of texts: \`*\` stands for any signs, \`?\` for one; letters of either case |
| \`and\` \`or\` \`not\` \`( )\` | \`and\` binds closer than \`or\` |

A field of what there are several of (\`disks.capacityBytes\`, \`nics.network.name\`) is compared with each: one is enough, and \`!=\` is the
opposite of \`=\`: none is equal. So it is with a field that a row has not. In REST it is the parameter \`where\`. What is not understood is
told with its column and the nearest field (\`inventory.where\`).`;

const page = <T>(title: string, intro: string, items: readonly T[], part: (item: T) => string[]) =>
  `${head(title, intro, 'libs/contracts')}\n${items.flatMap(part).filter(Boolean).join('\n\n')}\n`;

interface Exchange<T> {
  readonly data: T;
  readonly answer?: T;
}

function messageParts(shapes: Exchange<z.ZodType>, example: Exchange<unknown>): string[] {
  const asked = [block('json', json(example.data)), fields(shapes.data)];
  return shapes.answer ? [...asked, 'Its answer:', block('json', json(example.answer)), fields(shapes.answer)] : asked;
}

const kindOf = new Map<unknown, string>(Object.entries(documentKinds).map(([kind, schema]) => [schema, kind]));

/** The fields of an event's data; of a document where they are told. */
function told(data: z.ZodType): string {
  const choices = data instanceof z.ZodUnion ? data.options : [data];
  const kinds = choices.flatMap((each) => kindOf.get(each) ?? []);
  if (kinds.length === 0) return fields(data);
  return `A ${kinds.map((kind) => `[${kind}](documents.md#${kind.toLowerCase()})`).join(' or ')}.`;
}

function errorTable(): string {
  const rows = Object.entries(errorCatalogue).map(([code, { title, fix, retry, status }]) => [
    ...[`\`${code}\``, title, fix, retry ? 'yes' : 'no', String(status)],
  ]);
  return table(['code', 'means', 'fix', 'retry', 'HTTP'], rows);
}

function concernTable(): string {
  const rows = Object.entries(concernCatalogue).map(([id, { category, acceptable, label, fix }]) => [
    ...[`\`${id}\``, category, label, fix, acceptable ? 'yes' : 'no'],
  ]);
  return table(['id', 'category', 'means', 'fix', 'a plan may accept it'], rows);
}

if (import.meta.main) {
  const folder = join(root, 'docs/reference');
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(reference())) writeFileSync(join(folder, name), text);
}

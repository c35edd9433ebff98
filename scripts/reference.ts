import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  documentExamples,
  documentKinds,
  errorCatalogue,
  eventExamples,
  events,
  queries,
  queryExamples,
  stepExamples,
  steps,
} from '@tranship/contracts';
import { stringify } from 'yaml';
import { z } from 'zod';
import { root } from './checks.ts';

/** `docs/reference`: what the contracts declare, for people. Made by `node scripts/reference.ts`; never written by hand. */
export function reference(): Record<string, string> {
  return {
    'events.md': page('Events', eventIntro, Object.entries(events), ([type, { aggregate, data }]) => [
      `## ${type}`,
      `Aggregate \`${aggregate}\`.`,
      block('json', json(eventExamples[type as keyof typeof events])),
      fields(data),
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
    'errors.md': `${head('Errors', errorIntro)}\n${errorTable()}\n`,
    'documents.md': page('Documents', documentIntro, Object.entries(documentKinds), ([kind, schema]) => [
      `## ${kind}`,
      block('yaml', stringify(documentExamples[kind as keyof typeof documentKinds]).trimEnd()),
      fields(schema),
    ]),
  };
}

const made = '<!-- Made by scripts/reference.ts from libs/contracts. -->';
const eventIntro = 'On `tranship.v1.evt.<aggregate>.<id>…` as CloudEvents 1.0; this is their `data`.';
const commandIntro =
  'On `tranship.v1.cmd.<service>.<step>.<migration>.<vm>`; a worker reports its outcome to the planner.';
const queryIntro = 'Core requests on `tranship.v1.qry.<service>.<name>`; the answer is `{ok, data}` or `{ok, error}`.';
const errorIntro = 'Every failure that a person may see. `retry`: another try may help by itself.';
const documentIntro = 'YAML or JSON. JSON Schemas: `GET /v1/schemas/{kind}`.';

const head = (title: string, intro: string) => `${made}\n\n# ${title}\n\n${intro}\n`;
const page = <T>(title: string, intro: string, items: readonly T[], part: (item: T) => string[]) =>
  `${head(title, intro)}\n${items.flatMap(part).join('\n\n')}\n`;
const block = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\``;
const json = (value: unknown) => JSON.stringify(value, null, 2);

interface Shape {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly format?: string;
}

/** A line for each field; of objects in objects by their path. */
function fields(schema: z.ZodType): string {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Shape;
  const rows = lines(shape, '', 3);
  if (rows.length === 0) return '';
  return ['| field | type | |', '| --- | --- | --- |', ...rows].join('\n');
}

function lines({ properties = {}, required = [] }: Shape, path: string, depth: number): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const inner = field.items?.properties ? field.items : field;
    const at = `${path}${name}${field.items?.properties ? '[]' : ''}`;
    const notes =
      field.default === undefined ? (required.includes(name) ? 'required' : '') : `default ${cell(field.default)}`;
    return [`| \`${at}\` | ${typeOf(field)} | ${notes} |`, ...(depth > 0 ? lines(inner, `${at}.`, depth - 1) : [])];
  });
}

const cell = (value: unknown) => `\`${JSON.stringify(value)}\``;
function typeOf(field: Shape): string {
  const choices = field.anyOf ?? field.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (field.enum) return field.enum.map(cell).join(', ');
  if (field.const !== undefined) return cell(field.const);
  if (field.items) return `list of ${typeOf(field.items)}`;
  return [field.type ?? 'any'].flat().join(' or ') + (field.format ? ` (${field.format})` : '');
}

function errorTable(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { title, fix, retry, status }]) =>
      `| \`${code}\` | ${title} | ${fix} | ${retry ? 'yes' : 'no'} | ${status} |`,
  );
  return ['| code | means | fix | retry | HTTP |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

if (import.meta.main) {
  const folder = join(root, 'docs/reference');
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(reference())) writeFileSync(join(folder, name), text);
}

import { z } from 'zod';

/** `from`: what the page is made from. */
export const head = (title: string, intro: string, from: string): string =>
  `<!-- Made by scripts/reference.ts from ${from}. -->\n\n# ${title}\n\n${intro}\n`;
export const block = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;
export const json = (value: unknown): string => JSON.stringify(value, null, 2);
export const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

export interface Shape {
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
  readonly description?: string;
}

export const shapeOf = (schema: z.ZodType, io: 'input' | 'output' = 'input'): Shape =>
  z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Shape;

/** A line for each field; of objects in objects by their path. */
export function fields(schema: z.ZodType): string {
  const rows = lines(shapeOf(schema), '', 3);
  return rows.length === 0 ? '' : table(['field', 'type', ''], rows);
}

function lines(shape: Shape, path: string, depth: number): string[][] {
  const required = objectsOf(shape).map((each) => each.required ?? []);
  return propertiesOf(shape).flatMap(([name, field]) => {
    const inner = field.items && propertiesOf(field.items).length > 0 ? field.items : field;
    const at = `${path}${name}${inner === field ? '' : '[]'}`;
    const given = required.every((names) => names.includes(name)) ? 'required' : '';
    // What an object is by default, its fields tell.
    const preset =
      field.default === undefined || propertiesOf(field).length > 0 ? given : `default ${cell(field.default)}`;
    const notes = [field.description, preset].filter(Boolean).join('; ');
    return [[`\`${at}\``, typeOf(field), notes], ...(depth > 0 ? lines(inner, `${at}.`, depth - 1) : [])];
  });
}

/** The object that this is, or each that it may be. */
const objectsOf = (shape: Shape): readonly Shape[] =>
  [shape, ...(shape.anyOf ?? []), ...(shape.oneOf ?? [])].filter(({ properties }) => properties);

/** The fields of all that it may be; what several have is told as a choice. */
function propertiesOf(shape: Shape): [string, Shape][] {
  const all = Map.groupBy(
    objectsOf(shape).flatMap(({ properties = {} }) => Object.entries(properties)),
    ([name]) => name,
  );
  return [...all].map(([name, found]) => {
    const choices = found.map(([, field]) => field);
    if (choices.length === 1) return [name, choices[0]!];
    const told = new Set(choices.flatMap(({ description }) => description ?? []));
    return [name, { anyOf: choices, description: [...told].join('; ') }];
  });
}

/** Of more choices a page of their own tells. */
const most = 30;
export const cell = (value: unknown) => `\`${JSON.stringify(value)}\``;
export function typeOf(field: Shape): string {
  const choices = field.anyOf ?? field.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (field.enum) return field.enum.length > most ? 'string' : field.enum.map(cell).join(', ');
  if (field.const !== undefined) return cell(field.const);
  if (field.items) return `list of ${typeOf(field.items)}`;
  return [field.type ?? 'any'].flat().join(' or ') + (field.format ? ` (${field.format})` : '');
}

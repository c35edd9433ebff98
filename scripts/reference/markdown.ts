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
  const shape = shapeOf(schema);
  const rows = lines(shape, '', 3);
  return rows.length === 0 ? '' : table(['field', 'type', ''], rows);
}

function lines({ properties = {}, required = [] }: Shape, path: string, depth: number): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const inner = field.items?.properties ? field.items : field;
    const at = `${path}${name}${field.items?.properties ? '[]' : ''}`;
    const notes =
      field.default !== undefined
        ? `default ${cell(field.default)}`
        : required.includes(name)
          ? 'required'
          : (field.description ?? '');
    return [[`\`${at}\``, typeOf(field), notes], ...(depth > 0 ? lines(inner, `${at}.`, depth - 1) : [])];
  });
}

export const cell = (value: unknown) => `\`${JSON.stringify(value)}\``;
export function typeOf(field: Shape): string {
  const choices = field.anyOf ?? field.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (field.enum) return field.enum.map(cell).join(', ');
  if (field.const !== undefined) return cell(field.const);
  if (field.items) return `list of ${typeOf(field.items)}`;
  return [field.type ?? 'any'].flat().join(' or ') + (field.format ? ` (${field.format})` : '');
}

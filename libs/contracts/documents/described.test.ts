import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { documentKinds } from '../index.ts';

interface Shape {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly [other: string]: unknown;
}

/** Every field that a schema knows, of whichever of its choices; what an editor shows beside it. */
const fieldsOf = ({ properties = {}, items, anyOf = [], oneOf = [] }: Shape, at: string): [string, string][] => [
  ...Object.entries(properties).flatMap(([name, field]): [string, string][] => [
    [`${at}.${name}`, field.description ?? ''],
    ...fieldsOf(field, `${at}.${name}`),
  ]),
  ...(items ? fieldsOf(items, `${at}[]`) : []),
  ...[...anyOf, ...oneOf].flatMap((choice) => fieldsOf(choice, at)),
];

describe('documents - every field says what it means', () => {
  it.each(Object.entries(documentKinds))('%s', (kind, schema) => {
    const all = fieldsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape, kind);
    expect(all.map(([name]) => name)).toContain(`${kind}.metadata.name`);
    expect(all.filter(([, description]) => description === '').map(([name]) => name)).toEqual([]);
    // One short sentence, which a table can hold.
    expect(all.filter(([, { length }]) => length > 170)).toEqual([]);
    expect(all.filter(([, text]) => /[|\n]|\.$/.test(text))).toEqual([]);
  });
});

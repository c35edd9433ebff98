import { z } from 'zod';
import { type InventoryKind, inventoryKinds } from './inventory.ts';

/** A field that a row of the inventory may have, as a filter may ask for it. */
export interface Field {
  readonly type: 'string' | 'number' | 'boolean';
  /** All that it may be, where that is fixed. */
  readonly choices?: readonly string[];
}
/** By its path, such as `disks.datastore.name`: through lists as through objects. */
export type Fields = ReadonlyMap<string, Field>;

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

function leaves(schema: Schema, path: string): [string, Field][] {
  const { type, properties, items } = schema;
  if (items) return leaves(items, path);
  if (properties)
    return Object.entries(properties).flatMap(([name, each]) => leaves(each, path === '' ? name : `${path}.${name}`));
  if (type === 'string') return [[path, { type, ...(schema.enum ? { choices: schema.enum } : {}) }]];
  return [[path, { type: type === 'boolean' ? type : 'number' }]];
}

const made = new Map<InventoryKind, Fields>();

/** What rows of this kind can be chosen by: read from their schema. */
export function fieldsOf(kind: InventoryKind): Fields {
  const fields = made.get(kind) ?? new Map(leaves(z.toJSONSchema(inventoryKinds[kind]) as Schema, ''));
  made.set(kind, fields);
  return fields;
}

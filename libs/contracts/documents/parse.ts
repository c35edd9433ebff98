import { isMap, isPair, LineCounter, type Node, parseAllDocuments, visit } from 'yaml';
import type { z } from 'zod';
import { TranshipError } from '../errors.ts';
import { networkMapSchema, storageMapSchema } from './maps.ts';
import { nearest } from './nearest.ts';
import { planSchema } from './plan.ts';
import { providerSchema } from './provider.ts';

/** Every kind of document, by its `kind`. */
export const documentKinds = {
  Provider: providerSchema,
  NetworkMap: networkMapSchema,
  StorageMap: storageMapSchema,
  Plan: planSchema,
} as const;
export type DocumentKind = keyof typeof documentKinds;
export type Document = z.infer<(typeof documentKinds)[DocumentKind]>;

/** Checks one parsed document. Errors name the field and the nearest known one. */
export function checkDocument(
  value: unknown,
  lineOf: (path: PropertyKey[]) => number | undefined = () => undefined,
): Document {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string' || !(kind in documentKinds)) {
    const known = Object.keys(documentKinds).join(', ');
    throw new TranshipError('document.invalid', `kind: ${JSON.stringify(kind)} is none of ${known}`, { path: 'kind' });
  }
  const result = documentKinds[kind as DocumentKind].safeParse(value);
  if (result.success) return result.data;
  // A mistyped field is the cause; that the right one is missing only follows from it.
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = unknownKey === undefined ? issue.path : [...issue.path, unknownKey];
  const line = lineOf(path);
  const where = `${path.map(String).join('.') || kind}${line === undefined ? '' : ` (line ${line})`}`;
  const what =
    unknownKey === undefined
      ? issue.message
      : `unknown field${suggestion(unknownKey, kind as DocumentKind, issue.path)}`;
  throw new TranshipError('document.invalid', `${where}: ${what}`, { path: path.map(String).join('.') });
}

/** All documents of a YAML or JSON text, checked. */
export function parseDocuments(text: string): Document[] {
  const lines = new LineCounter();
  return parseAllDocuments(text, { lineCounter: lines }).flatMap((document) => {
    const [error] = document.errors;
    if (error)
      throw new TranshipError(
        'document.invalid',
        `line ${error.linePos?.[0].line ?? '?'}: ${error.message.split('\n')[0]}`,
      );
    if (document.contents === null) return [];
    return [checkDocument(document.toJS(), (path) => lineOf(document.contents, path, lines))];
  });
}

function lineOf(root: unknown, path: PropertyKey[], lines: LineCounter): number | undefined {
  let found: number | undefined;
  visit(root as Node, (_, node, ancestors) => {
    if (!isPair(node) || String(node.key) !== String(path.at(-1))) return;
    const depth = ancestors.filter((a) => isMap(a)).length;
    const keys = path.filter((key) => typeof key !== 'number').length;
    const range = (node.key as Node).range;
    if (depth === keys && range) found ??= lines.linePos(range[0]).line;
  });
  return found;
}

function suggestion(key: string, kind: DocumentKind, path: PropertyKey[]): string {
  const meant = nearest(key, knownKeys(documentKinds[kind], path));
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** The keys that a schema knows at a path; unwraps defaults, options and arrays. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const step of [...path, undefined]) {
    current = unwrap(current);
    const shape = (current as { shape?: Record<string, unknown> }).shape;
    if (step === undefined) return shape ? Object.keys(shape) : [];
    if (typeof step === 'number') current = (current as { element?: unknown }).element;
    else current = shape?.[String(step)];
    if (current === undefined) return [];
  }
  return [];
}

function unwrap(schema: unknown): unknown {
  let current = schema as { unwrap?: () => unknown; def?: { type?: string; innerType?: unknown } };
  for (let i = 0; i < 8 && current?.def?.innerType !== undefined; i++)
    current = current.def.innerType as typeof current;
  return current;
}

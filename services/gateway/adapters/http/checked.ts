import { nearest, TranshipError } from '@tranship/contracts';
import type { z } from 'zod';

/** A body or query string, checked; the error names the field and the nearest known one. @throws TranshipError `document.invalid` */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // A misspelt field is also a missing one: what was written says more.
  const issues = result.error.issues;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknownKey === undefined) {
    const path = issue.path.map(String).join('.');
    throw new TranshipError('document.invalid', `${path || 'body'}: ${issue.message}`, path ? { path } : {});
  }
  const inner = schema as { shape?: object; def?: { innerType?: { shape?: object } } };
  const shape = inner.shape ?? inner.def?.innerType?.shape;
  const meant = issue.path.length === 0 && shape ? nearest(unknownKey, Object.keys(shape)) : undefined;
  const path = [...issue.path, unknownKey].map(String).join('.');
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new TranshipError('document.invalid', `${path}: unknown field${hint}`, { path });
}

import { z } from 'zod';

export const apiVersion = 'tranship.dev/v1';

/** A Kubernetes DNS-1123 subdomain, at most 63 characters: names of our documents and of target objects. */
export const nameSchema = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    'lower-case letters, digits, - and . only, beginning and ending with a letter or digit',
  );

const stringMap = z.record(z.string(), z.string());

export const metadataSchema = z.strictObject({
  name: nameSchema.describe('By which it is asked for: lower-case letters, digits, `-` and `.`, at most 63'),
  labels: stringMap.optional().describe('Words to choose documents by: `tranship get -l`'),
  annotations: stringMap.optional().describe('Kept as given; nothing reads them'),
  resourceVersion: z
    .string()
    .optional()
    .describe('Set when stored; given, the write is refused unless it is the present one'),
  generation: z.number().int().optional().describe('Set when stored: counts the changes'),
  creationTimestamp: z.string().optional().describe('Set when stored: when it first was'),
});

/** Minutes and seconds as people write them: `10m`, `90s`, `1h30m`. */
export const durationSchema = z.string().regex(/^(?=\d)(\d+h)?(\d+m)?(\d+s)?$/, 'a duration such as 10m, 90s or 1h30m');

/** A duration that a step can wait for: its own deadline is an hour. */
export const waitSchema = durationSchema.refine((text) => durationMs(text) <= 50 * 60_000, 'at most 50m');

/** Milliseconds of a duration that passed {@link durationSchema}. */
export function durationMs(text: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (!match) throw new RangeError(`not a duration: ${text}`);
  const [, h = '0', m = '0', s = '0'] = match;
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000;
}

export function documentSchema<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  return z.strictObject({
    apiVersion: z.literal(apiVersion).describe('The version of these documents'),
    kind: z.literal(kind).describe('What this document is'),
    metadata: metadataSchema.describe('How it is called'),
    spec: spec.describe('What is wanted'),
    status: z.unknown().optional().describe('What services tell of it; not looked at when given'),
  });
}

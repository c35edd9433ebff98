import { z } from 'zod';

/** The installation's signature of a proof: ed25519 over {@link signedText}. Both in base64, the key as SPKI. */
export const signatureSchema = z.object({ publicKey: z.string(), signature: z.string() });
export type Signature = z.infer<typeof signatureSchema>;

/** The text that is signed of a proof; `sha256`: of its {@link canonical} text, hex. */
export const signedText = (sha256: string): string => `tranship-proof-1 ${sha256}`;

/** The one text of a value: JSON with its keys in order, without blanks. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`)
    .join(',')}}`;
}

import { z } from 'zod';
import { documentSchema, nameSchema } from './common.ts';

export const tlsSchema = z.strictObject({
  /** PEM of the certificate authority, or of the server's own certificate. */
  ca: z.string().optional(),
  /** SHA-1, `AA:BB:…`, as the disk library wants it. */
  thumbprint: z
    .string()
    .regex(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/i, 'twenty bytes in hex, AA:BB:…')
    .optional(),
  insecureSkipVerify: z.boolean().default(false),
});

export const providerSpecSchema = z.strictObject({
  type: z.enum(['vsphere', 'kubevirt']),
  url: z.url(),
  endpoint: z.enum(['vcenter', 'esxi']).default('vcenter'),
  credentials: z.strictObject({ secret: nameSchema }),
  tls: tlsSchema.default({ insecureSkipVerify: false }),
  transfer: z
    .strictObject({ method: z.enum(['auto', 'vddk', 'nfc']).default('auto'), libdir: z.string().optional() })
    .default({ method: 'auto' }),
  limits: z
    .strictObject({
      nfcSessionsPerHost: z.number().int().positive().default(4),
      snapshotsPerDatastore: z.number().int().positive().default(8),
      bandwidthMBps: z.number().nonnegative().default(0),
      /** Of a datastore, in GiB: below it no snapshot is taken, and one that is open is removed. */
      minFreeGB: z.number().nonnegative().default(20),
      /** Of a datastore: while it takes longer to answer, the copies that read from it are slowed; 0: whatever it takes. */
      maxLatencyMs: z.number().nonnegative().default(40),
    })
    .default({ nfcSessionsPerHost: 4, snapshotsPerDatastore: 8, bandwidthMBps: 0, minFreeGB: 20, maxLatencyMs: 40 }),
});
export type ProviderSpec = z.infer<typeof providerSpecSchema>;

export const providerSchema = documentSchema('Provider', providerSpecSchema);
export type Provider = z.infer<typeof providerSchema>;

import { z } from 'zod';
import { documentSchema, nameSchema } from './common.ts';

export const tlsSchema = z.strictObject({
  ca: z
    .string()
    .optional()
    .describe('PEM of the certificate authority, or of the server’s own certificate; else the machine’s authorities'),
  thumbprint: z
    .string()
    .regex(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/i, 'twenty bytes in hex, AA:BB:…')
    .optional()
    .describe('SHA-1 of the server’s own certificate, `AA:BB:…`; given, it alone decides'),
  insecureSkipVerify: z.boolean().default(false).describe('Trusts whatever certificate is shown'),
});

export const providerSpecSchema = z.strictObject({
  type: z
    .enum(['vsphere', 'kubevirt'])
    .describe('`vsphere`: a source; `kubevirt` is kept for targets other than `host` and refused so far'),
  url: z.url().describe('Where its API is, such as `https://vcenter.example.com/sdk`'),
  endpoint: z
    .enum(['vcenter', 'esxi'])
    .default('vcenter')
    .describe('What answers at `url`: `vcenter`, or `esxi`, one host by itself; both are spoken to alike'),
  credentials: z
    .strictObject({
      secret: nameSchema.describe('A Secret of Tranship’s own namespace that holds `username` and `password`'),
    })
    .describe('Who is logged in: `tranship provider create` stores it'),
  tls: tlsSchema.default({ insecureSkipVerify: false }).describe('Which certificate is trusted'),
  transfer: z
    .strictObject({
      method: z
        .enum(['auto', 'vddk', 'nfc'])
        .default('auto')
        .describe(
          '`vddk`: VMware’s disk library; `nfc`: vCenter’s export of a VM that is off; `auto`: the first, the second where it does not open a disk',
        ),
      libdir: z
        .string()
        .optional()
        .describe('Where the disk library lies in the workbench; else where the image has it'),
    })
    .default({ method: 'auto' })
    .describe('How disks are read'),
  limits: z
    .strictObject({
      nfcSessionsPerHost: z
        .number()
        .int()
        .positive()
        .default(4)
        .describe('Disks that are read from one ESXi host at once'),
      snapshotsPerDatastore: z
        .number()
        .int()
        .positive()
        .default(8)
        .describe('Snapshots of ours that are open on one datastore at once'),
      bandwidthMBps: z
        .number()
        .nonnegative()
        .default(0)
        .describe('What all copies together read, in MB/s (10^6 bytes); 0: as much as there is'),
      minFreeGB: z
        .number()
        .nonnegative()
        .default(20)
        .describe(
          'Room of a datastore, in GiB, below which no snapshot is taken and one that is open is removed; 0: whatever is left',
        ),
      maxLatencyMs: z
        .number()
        .nonnegative()
        .default(40)
        .describe('Copies are slowed while a datastore takes longer to answer, in ms; 0: whatever it takes'),
    })
    .default({ nfcSessionsPerHost: 4, snapshotsPerDatastore: 8, bandwidthMBps: 0, minFreeGB: 20, maxLatencyMs: 40 })
    .describe('What it bears of us'),
});
export type ProviderSpec = z.infer<typeof providerSpecSchema>;

export const providerSchema = documentSchema('Provider', providerSpecSchema);
export type Provider = z.infer<typeof providerSchema>;

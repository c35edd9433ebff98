import { z } from 'zod';

export const configSchema = z.object({
  kubeconfig: z.string().optional().describe("The target cluster's kubeconfig; without it, the cluster that we run in"),
  workNamespace: z
    .string()
    .default('tranship-work')
    .describe("Tranship's own namespace for volumes in the making, workbenches and credentials"),
  workbenchImage: z.string().default('tranship').describe('The image of transfer and converter'),
  workbenchNatsUrl: z
    .string()
    .default('nats://nats.tranship:4222')
    .describe(
      'NATS as the workbench reaches it. The secret holds the passwords of the users `transfer` and `converter`, by name; of a `tls://` server also its authority, `ca.crt`.',
    ),
  workbenchNatsSecret: z.string().default('tranship-nats').describe('Of the work namespace: see the URL above'),
  scratchGB: z.coerce.number().int().positive().default(1).describe('Of a scratch volume, GiB'),
  scratchStorageClass: z
    .string()
    .optional()
    .describe("Class of the scratch volumes; the cluster's default when absent"),
  rehearsalMemoryMB: z.coerce
    .number()
    .int()
    .min(256)
    .default(2048)
    .describe(
      'A guest that is rehearsed has its own memory, but never more than this; the workbench asks for so much more',
    ),
  rehearsalGB: z.coerce
    .number()
    .int()
    .positive()
    .default(4)
    .describe('What the scratch volume has more where a plan requires a rehearsal: for what the guest writes'),
  rehearsalKvm: z
    .enum(['auto', 'never'])
    .default('auto')
    .describe("Whether rehearsals are given KVM: where a node has KubeVirt's device for it, or never"),
  prepareSeconds: z.coerce
    .number()
    .int()
    .positive()
    .default(300)
    .describe('How long volumes and workbench may take to stand'),
});
export type Config = z.infer<typeof configSchema>;

import { z } from 'zod';

export const configSchema = z.object({
  /** The target cluster's kubeconfig; without it, the cluster that we run in. */
  kubeconfig: z.string().optional(),
  /** Tranship's own namespace for volumes in the making, workbenches and credentials. */
  workNamespace: z.string().default('tranship-work'),
  workbenchImage: z.string().default('tranship'),
  /** NATS as the workbench reaches it. The secret holds the passwords of the users `transfer` and `converter`, by name; of a `tls://` server also its authority, `ca.crt`. */
  workbenchNatsUrl: z.string().default('nats://nats.tranship:4222'),
  workbenchNatsSecret: z.string().default('tranship-nats'),
  scratchGB: z.coerce.number().int().positive().default(1),
  /** Class of the scratch volumes; the cluster's default when absent. */
  scratchStorageClass: z.string().optional(),
  /** A guest that is rehearsed has its own memory, but never more than this; the workbench asks for so much more. */
  rehearsalMemoryMB: z.coerce.number().int().min(256).default(2048),
  /** What the scratch volume has more where a plan requires a rehearsal: for what the guest writes. */
  rehearsalGB: z.coerce.number().int().positive().default(4),
  /** Whether rehearsals are given KVM: where a node has KubeVirt's device for it, or never. */
  rehearsalKvm: z.enum(['auto', 'never']).default('auto'),
  /** How long volumes and workbench may take to stand. */
  prepareSeconds: z.coerce.number().int().positive().default(300),
});
export type Config = z.infer<typeof configSchema>;

import { workbenchConfig } from '@tranship/service-kit';
import { z } from 'zod';

export const configSchema = z.object({
  ...workbenchConfig.shape,
  credentialsDir: z
    .string()
    .default('/etc/tranship/credentials')
    .describe('Holds `<secret>/username` and `<secret>/password`, as a Kubernetes secret is mounted'),
  vddkLibdir: z
    .string()
    .default('/opt/vmware-vix-disklib-distrib')
    .describe("VMware's disk library, where the provider names none"),
  vddkPlugin: z.string().default('vddk').describe("nbdkit's plugin for it: a name, or a path"),
});
export type Config = z.infer<typeof configSchema>;

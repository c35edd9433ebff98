import { z } from 'zod';

export const configSchema = z.object({
  migration: z.string().describe('The VM whose workbench this is'),
  vm: z.string().describe('By its vSphere id'),
  disksDir: z.string().default('/disks').describe('Holds `<index>/disk.img` for each Filesystem volume'),
  devicesDir: z.string().default('/dev/disks').describe('Holds `<index>` for each Block volume'),
  scratchDir: z.string().default('/scratch').describe('The scratch volume: ledgers and leaves'),
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

import { z } from 'zod';

export const configSchema = z.object({
  /** The VM whose workbench this is. */
  migration: z.string(),
  vm: z.string(),
  /** Holds `<index>/disk.img` for each Filesystem volume. */
  disksDir: z.string().default('/disks'),
  /** Holds `<index>` for each Block volume. */
  devicesDir: z.string().default('/dev/disks'),
  /** The scratch volume: ledgers and leaves. */
  scratchDir: z.string().default('/scratch'),
  /** Holds `<secret>/username` and `<secret>/password`, as a Kubernetes secret is mounted. */
  credentialsDir: z.string().default('/etc/tranship/credentials'),
  /** VMware's disk library, where the provider names none. */
  vddkLibdir: z.string().default('/opt/vmware-vix-disklib-distrib'),
  /** nbdkit's plugin for it: a name, or a path. */
  vddkPlugin: z.string().default('vddk'),
});
export type Config = z.infer<typeof configSchema>;

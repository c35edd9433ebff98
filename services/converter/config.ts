import { z } from 'zod';

export const configSchema = z.object({
  migration: z.string().describe('The one VM that this workbench serves'),
  vm: z.string().describe('By its vSphere id'),
  disksDir: z.string().default('/disks').describe('Volumes of mode Filesystem: `<disksDir>/<index>/disk.img`'),
  devicesDir: z.string().default('/dev/disks').describe('Volumes of mode Block: `<devicesDir>/<index>`'),
  scratchDir: z
    .string()
    .default('/scratch')
    .describe('Kept over restarts: undo logs, results, the marks that transfer honours'),
  mountEngine: z
    .stringbool()
    .default(false)
    .describe(
      "Lets the node's kernel mount guests' file systems that no tool here writes; needs root, FUSE and loop devices",
    ),
  rehearsalMemoryMB: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('Memory for a guest that is booted here; without it the workbench has no room for one'),
  rehearsalKvm: z.enum(['auto', 'never']).default('auto').describe('KVM where it is there, or never'),
  applianceEngine: z
    .stringbool()
    .default(true)
    .describe('Lets a virtual machine of libguestfs reach what no tool here does, where its programs are there'),
  mediaDir: z
    .string()
    .default('/usr/share/tranship/media')
    .describe('What is laid into guests: `debian/*.deb`, and below `windows` a virtio-win tree'),
});
export type Config = z.infer<typeof configSchema>;

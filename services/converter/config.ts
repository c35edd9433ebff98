import { workbenchConfig } from '@tranship/service-kit';
import { z } from 'zod';

export const configSchema = z.object({
  ...workbenchConfig.shape,
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
  luksKeysDir: z
    .string()
    .default('/etc/tranship/luks')
    .describe('Keys of encrypted volumes (LUKS), a file each, where there are any'),
  mediaDir: z
    .string()
    .default('/usr/share/tranship/media')
    .describe('What is laid into guests: `debian/*.deb`, and below `windows` a virtio-win tree'),
});
export type Config = z.infer<typeof configSchema>;

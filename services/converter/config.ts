import { z } from 'zod';

export const configSchema = z.object({
  /** The one VM that this workbench serves. */
  migration: z.string(),
  vm: z.string(),
  /** Volumes of mode Filesystem: `<disksDir>/<index>/disk.img`. */
  disksDir: z.string().default('/disks'),
  /** Volumes of mode Block: `<devicesDir>/<index>`. */
  devicesDir: z.string().default('/dev/disks'),
  /** Kept over restarts: undo logs, results, the marks that transfer honours. */
  scratchDir: z.string().default('/scratch'),
  /** Lets the node's kernel mount guests' file systems that no tool here writes; needs root, FUSE and loop devices. */
  mountEngine: z.stringbool().default(false),
  /** Memory for a guest that is booted here; without it the workbench has no room for one. */
  rehearsalMemoryMB: z.coerce.number().int().positive().optional(),
  /** KVM where it is there, or never. */
  rehearsalKvm: z.enum(['auto', 'never']).default('auto'),
  /** Lets a virtual machine of libguestfs reach what no tool here does, where its programs are there. */
  applianceEngine: z.stringbool().default(true),
  /** What is laid into guests: `debian/*.deb`, and below `windows` a virtio-win tree. */
  mediaDir: z.string().default('/usr/share/tranship/media'),
});
export type Config = z.infer<typeof configSchema>;

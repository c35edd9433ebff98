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
  /** What is laid into guests: `debian/*.deb`, and below `windows` a virtio-win tree. */
  mediaDir: z.string().default('/usr/share/tranship/media'),
});
export type Config = z.infer<typeof configSchema>;

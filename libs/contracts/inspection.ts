import { z } from 'zod';
import { concernSchema } from './concerns.ts';
import { problemSchema } from './problem.ts';

/** What lies in one place of a disk: a partition, a logical volume, or the whole disk when it has no table. */
export const volumeFactSchema = z.object({
  disk: z.number(),
  /** `disk 0, partition 2`, or the logical volume's `group/name`. */
  place: z.string(),
  /** Absent: it lies in no one run of bytes. */
  offset: z.number().optional(),
  sizeBytes: z.number(),
  /** ext, xfs, btrfs, ntfs, vfat, swap, lvm, luks, bitlocker, raid; absent: nothing that is known. */
  holds: z.string().optional(),
  uuid: z.string().optional(),
  label: z.string().optional(),
  freeBytes: z.number().optional(),
});

/** One piece of configuration of a network interface. */
export const nicConfigSchema = z.object({
  manager: z.string(),
  file: z.string(),
  name: z.string().optional(),
  mac: z.string().optional(),
  addresses: z.array(z.string()),
});

export const kernelFactSchema = z.object({
  version: z.string(),
  initramfs: z.string(),
  /** initramfs-tools, dracut; unknown when it could not be unpacked. */
  madeBy: z.enum(['initramfs-tools', 'dracut', 'unknown']),
  /** Of the drivers for KVM: those its initramfs holds, and those built into the kernel. */
  drivers: z.array(z.string()),
  /** Vital drivers that this kernel does not have at all. */
  missing: z.array(z.string()),
});

/** A change that the conversion makes to a file of the guest. Digests are SHA-256, of a link over its target; `null`: there is no such file. */
export const fileChangeSchema = z.object({
  path: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  /** Unified diff, of text files. */
  diff: z.string().optional(),
});
export type FileChange = z.infer<typeof fileChangeSchema>;

/** The same once it was made: the texts themselves, or {@link sized what stands for them}; the digests as above (none in events of old). */
export const madeChangeSchema = z.object({
  path: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  digests: fileChangeSchema.pick({ before: true, after: true }).optional(),
});
export type MadeChange = z.infer<typeof madeChangeSchema>;

/** Stands for the content of a file that is no text, or too long a one, or that nobody has read whole. */
export const sized = ({ size, sha256 }: { size?: number; sha256: string }) =>
  `${size === undefined ? '' : `${size} bytes, `}sha256 ${sha256}`;
export const isSized = (text: string) => /^(\d+ bytes, )?sha256 [0-9a-f]{64}$/.test(text);

/** A guest as it was found on its disks, read only. */
export const inspectionSchema = z.object({
  os: z.object({
    family: z.enum(['linux', 'windows', 'unknown', 'none']),
    id: z.string(),
    name: z.string(),
    version: z.string(),
    arch: z.string(),
  }),
  /** Whether the conversion would go through, as far as it can be told; when not, a concern of category critical says why. */
  supported: z.boolean(),
  engine: z.string(),
  disks: z.array(
    z.object({
      index: z.number(),
      sizeBytes: z.number(),
      table: z.enum(['mbr', 'gpt', 'none']),
      bootCode: z.boolean(),
    }),
  ),
  volumes: z.array(volumeFactSchema),
  mounts: z.array(z.object({ at: z.string(), place: z.string(), freeBytes: z.number().optional() })),
  boot: z.object({ ways: z.array(z.enum(['bios', 'uefi'])), loaders: z.array(z.string()) }),
  kernels: z.array(kernelFactSchema),
  /** Names of devices that change with the hardware. */
  fragile: z.array(z.object({ file: z.string(), device: z.string() })),
  network: z.object({ managers: z.array(z.string()), configs: z.array(nicConfigSchema) }),
  /** What each NIC of the VM is called in the guest, so far as it is known. */
  nics: z.array(z.object({ mac: z.string(), name: z.string(), addresses: z.array(z.string()) })),
  /** Of VMware: unit names, or the folder of its own installer. */
  tools: z.array(z.string()),
  concerns: z.array(concernSchema),
  changes: z.array(fileChangeSchema),
  seconds: z.number(),
});
export type Inspection = z.infer<typeof inspectionSchema>;

/** What a course needs to know of it before the power-off. Long diffs are left out: all of it stays well below an event's 256 KiB. */
export const inspectResultSchema = inspectionSchema.pick({
  os: true,
  supported: true,
  engine: true,
  concerns: true,
  changes: true,
  seconds: true,
});
export type InspectResult = z.infer<typeof inspectResultSchema>;

/** Of files that change: how many, and the names of the first of them. */
export const changedFilesSchema = z.object({ count: z.number(), paths: z.array(z.string()) });
export type ChangedFiles = z.infer<typeof changedFilesSchema>;

/** What a migration's status tells of an inspection: what the files were and would be is in its event alone. */
export const inspectFactsSchema = inspectResultSchema.omit({ changes: true }).extend({ files: changedFilesSchema });
export type InspectFacts = z.infer<typeof inspectFactsSchema>;

/** What the converter by itself answers on its standard output, as one line of JSON. */
export const guestAnswerSchema = z.union([
  z.object({
    inspection: inspectionSchema,
    /** Where the changes were written: nowhere, into the disks or the tree, into an overlay. */
    written: z.enum(['nowhere', 'in-place', 'overlay']),
  }),
  z.object({ problem: problemSchema }),
]);
export type GuestAnswer = z.infer<typeof guestAnswerSchema>;

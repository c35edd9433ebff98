import { z } from 'zod';

/** How much a proof proves: `standard` CRC-32, `sha256` SHA-256 of each leaf, `full` the same, and the powered-off source is read twice. */
export const gradeSchema = z.enum(['standard', 'sha256', 'full']);
export type Grade = z.infer<typeof gradeSchema>;
/** How the leaves of a disk are summed, by its proof's grade; and the bytes of one sum. */
export const sumsOf = (grade: Grade): 'crc32' | 'sha256' => (grade === 'standard' ? 'crc32' : 'sha256');
export const sumBytesOf = (grade: Grade): number => (grade === 'standard' ? 4 : 32);

/** What a VM shall be on the target: resolved by the planner from the source model, the maps and the plan. */
export const targetDiskSchema = z.object({
  /** Position in the VM, 0 first; names PVCs and mount paths. */
  index: z.number().int().nonnegative(),
  /** The source's virtual device key. */
  key: z.number().int(),
  /** The source's backing file, `[datastore] folder/name.vmdk`. */
  file: z.string(),
  sizeBytes: z.number().int().positive(),
  storageClass: z.string(),
  volumeMode: z.enum(['Filesystem', 'Block']),
  accessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany']),
  bus: z.enum(['virtio', 'sata', 'scsi']),
  /** As the storage map asks. */
  discard: z.boolean().optional(),
  /** Once it is there: the claim of the target volume, by its uid, and the persistent volume behind it. */
  claim: z.object({ uid: z.string(), volume: z.string() }).optional(),
});
export type TargetDisk = z.infer<typeof targetDiskSchema>;

export const targetNicSchema = z.object({
  mac: z.string(),
  model: z.enum(['virtio', 'e1000e']),
  network: z.discriminatedUnion('type', [
    z.object({ type: z.literal('pod') }),
    z.object({ type: z.literal('multus'), name: z.string() }),
  ]),
  /** VMware's pciSlotNumber, where the source told it. */
  slot: z.number().int().optional(),
  /** CIDR, as the source's guest reported them before the power-off. */
  addresses: z.array(z.string()),
});
export type TargetNic = z.infer<typeof targetNicSchema>;

export const targetVmSchema = z.object({
  name: z.string(),
  namespace: z.string(),
  cpus: z.number().int().positive(),
  coresPerSocket: z.number().int().positive(),
  memoryMB: z.number().int().positive(),
  firmware: z.enum(['bios', 'efi']),
  /** SMBIOS UUID; licences hang on it. */
  uuid: z.string().optional(),
  /** It is given what a Windows likes of a hypervisor. */
  windows: z.boolean().optional(),
  /** The Secret with the keys of its encrypted volumes, which the workbench alone needs. */
  luks: z.object({ secret: z.string() }).optional(),
  disks: z.array(targetDiskSchema),
  nics: z.array(targetNicSchema),
  /** The links of its NICs are down until its guest is well. */
  sealed: z.boolean().optional(),
  runStrategy: z.enum(['Always', 'RerunOnFailure', 'Manual', 'Once']),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  nodeSelector: z.record(z.string(), z.string()),
  /** Of its workbench: `namespace/name` of a NetworkAttachmentDefinition. */
  transferNetwork: z.string().optional(),
});
export type TargetVm = z.infer<typeof targetVmSchema>;

/** How a source disk is read: VMware's disk library, or the export of a VM that is off. */
export const methodSchema = z.enum(['vddk', 'nfc']);
export type Method = z.infer<typeof methodSchema>;
/** The method that a pass reads by, and why that one. */
export const viaSchema = z.object({ method: methodSchema, why: z.string() });
export type Via = z.infer<typeof viaSchema>;

/** How a workbench reaches the source's disks; the credential itself is mounted from the secret named. */
export const connectionSchema = z.object({
  provider: z.string(),
  url: z.string(),
  /** SHA-1, `AA:BB:…`. */
  thumbprint: z.string(),
  secret: z.string(),
  method: z.enum(['auto', ...methodSchema.options]),
  libdir: z.string().optional(),
});
export type Connection = z.infer<typeof connectionSchema>;

import { z } from 'zod';

/** The source model: what inventory knows of a vSphere. Ids are managed object references such as `vm-42`. */
const ref = z.object({ id: z.string(), name: z.string() });
export type Ref = z.infer<typeof ref>;

export const sourceDiskSchema = z.object({
  /** The virtual device key, e.g. 2000. */
  key: z.number().int(),
  label: z.string(),
  capacityBytes: z.number().int().nonnegative(),
  /** The backing of the live disk: `[datastore] folder/name.vmdk`. */
  file: z.string(),
  datastore: ref.optional(),
  controller: z.enum(['pvscsi', 'lsilogic', 'lsilogic-sas', 'buslogic', 'ahci', 'nvme', 'ide', 'other']),
  bus: z.number().int(),
  unit: z.number().int(),
  backing: z.enum(['flat', 'sparse', 'seSparse', 'rdm', 'other']),
  /** Of an `rdm`: whether vSphere's commands stop at the mapping, or go through to the LUN. */
  rdm: z.enum(['virtual', 'physical']).optional(),
  mode: z.string(),
  /** True where the bus or the disk is shared with another VM. */
  shared: z.boolean(),
  uuid: z.string().optional(),
});
export type SourceDisk = z.infer<typeof sourceDiskSchema>;

export const sourceNicSchema = z.object({
  key: z.number().int(),
  label: z.string(),
  mac: z.string(),
  type: z.string(),
  network: ref.optional(),
  connected: z.boolean(),
  /** VMware's pciSlotNumber: by it systemd names the NIC, 192 gives ens192. */
  slot: z.number().int().optional(),
  /** As VMware Tools report them, CIDR: `192.168.76.10/24`. */
  addresses: z.array(z.string()),
});
export type SourceNic = z.infer<typeof sourceNicSchema>;

export const powerStateSchema = z.enum(['poweredOn', 'poweredOff', 'suspended']);

export const sourceVmSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Inventory path: `/DC0/vm/web/web-01`. */
  path: z.string(),
  uuid: z.string().optional(),
  biosUuid: z.string().optional(),
  template: z.boolean(),
  powerState: powerStateSchema,
  connectionState: z.string(),
  host: ref.optional(),
  cpus: z.number().int().positive(),
  coresPerSocket: z.number().int().positive(),
  memoryMB: z.number().int().positive(),
  firmware: z.enum(['bios', 'efi']),
  secureBoot: z.boolean(),
  guestId: z.string(),
  guestName: z.string(),
  hostName: z.string().optional(),
  toolsRunning: z.boolean(),
  gateway: z.string().optional(),
  dns: z.array(z.string()),
  disks: z.array(sourceDiskSchema),
  nics: z.array(sourceNicSchema),
  snapshots: z.number().int().nonnegative(),
  changeTracking: z.boolean(),
  /** False where its virtual hardware has none; vCenter may not say. */
  changeTrackingSupported: z.boolean().optional(),
  /** Kinds of further devices that validation speaks of: `usb`, `pci`, `sriov`, `tpm`, `nvdimm`, `vgpu`, `serial` … */
  devices: z.array(z.string()),
});
export type SourceVm = z.infer<typeof sourceVmSchema>;

export const sourceHostSchema = ref.extend({ path: z.string(), connectionState: z.string(), maintenance: z.boolean() });
export const sourceNetworkSchema = ref.extend({ path: z.string(), type: z.enum(['network', 'dvportgroup', 'opaque']) });
export const sourceDatastoreSchema = ref.extend({
  path: z.string(),
  type: z.string(),
  capacityBytes: z.number().nonnegative(),
  freeBytes: z.number().nonnegative(),
  accessible: z.boolean(),
});
export const sourceFolderSchema = ref.extend({
  path: z.string(),
  type: z.enum(['datacenter', 'folder']),
  /** Of a folder: what may lie in it besides folders. */
  holds: z.enum(['datacenters', 'vms', 'hosts', 'networks', 'datastores']).optional(),
  /** That lie in it itself. */
  vms: z.number().int().nonnegative(),
});
export type SourceFolder = z.infer<typeof sourceFolderSchema>;
/** How much room there is for a snapshot of a VM: on that of its datastores where it is tightest. Bytes. */
export const roomSchema = z.object({
  vm: z.string(),
  datastore: z.string(),
  freeBytes: z.number(),
  needBytes: z.number(),
});
export type Room = z.infer<typeof roomSchema>;
/** In words, for a person. */
export const tellRoom = ({ datastore, freeBytes, needBytes }: Room): string =>
  `${datastore} has ${gibOf(freeBytes)} GiB free, less than the ${gibOf(needBytes)} GiB that are to stay`;
const gibOf = (bytes: number) => Math.round((bytes / 1024 ** 3) * 10) / 10;
/** How long the slowest of a VM's datastores takes to answer, of reads and writes what takes longer; and how long it may. Milliseconds. */
export const latencySchema = z.object({ vm: z.string(), datastore: z.string(), ms: z.number(), maxMs: z.number() });
export type Latency = z.infer<typeof latencySchema>;
/** In words, for a person. */
export const tellLatency = ({ datastore, ms, maxMs }: Latency): string =>
  `${datastore} takes ${ms} ms to answer, ${ms > maxMs ? 'more than' : 'of'} the ${maxMs} ms that it may`;
export type SourceHost = z.infer<typeof sourceHostSchema>;
export type SourceNetwork = z.infer<typeof sourceNetworkSchema>;
export type SourceDatastore = z.infer<typeof sourceDatastoreSchema>;

export const inventoryKinds = {
  vms: sourceVmSchema,
  hosts: sourceHostSchema,
  networks: sourceNetworkSchema,
  datastores: sourceDatastoreSchema,
  folders: sourceFolderSchema,
} as const;
export type InventoryKind = keyof typeof inventoryKinds;

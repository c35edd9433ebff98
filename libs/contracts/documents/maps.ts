import { z } from 'zod';
import { documentSchema, nameSchema } from './common.ts';

/** How a document names a source object: any of name, id or path, and all that are given must agree. */
export const sourceRefSchema = z
  .strictObject({
    name: z.string().optional().describe('Its name in vSphere'),
    id: z.string().optional().describe('Its managed object id, such as `network-12`'),
    path: z.string().optional().describe('Its path in the inventory, of which the last part counts'),
  })
  .refine((ref) => ref.name !== undefined || ref.id !== undefined || ref.path !== undefined, 'give name, id or path');
export type SourceRef = z.infer<typeof sourceRefSchema>;

/** A NetworkAttachmentDefinition. */
export const attachmentSchema = z.string().regex(/^[a-z0-9.-]+\/[a-z0-9.-]+$/, 'namespace/name');
export const networkTargetSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('pod').describe('`pod`: the network of all pods, masqueraded; one NIC of a VM at most'),
  }),
  z.strictObject({
    type: z.literal('multus').describe('`multus`: a bridge to an attached network'),
    name: attachmentSchema.describe('Of `multus`: the NetworkAttachmentDefinition, as `namespace/name`'),
  }),
  z.strictObject({ type: z.literal('ignored').describe('`ignored`: the target gets no such NIC') }),
]);
export const networkEntrySchema = z.strictObject({
  source: sourceRefSchema.describe('A network of the source: by name, id or path, and all that are given must agree'),
  target: networkTargetSchema.describe('What its NICs are connected to on the target'),
});
export type NetworkEntry = z.infer<typeof networkEntrySchema>;

export const storageTargetSchema = z.strictObject({
  storageClass: nameSchema.describe('The StorageClass of its volumes'),
  volumeMode: z
    .enum(['Filesystem', 'Block'])
    .default('Filesystem')
    .describe('`Filesystem`: an image in a file; `Block`: a raw device'),
  accessMode: z
    .enum(['ReadWriteOnce', 'ReadWriteMany'])
    .default('ReadWriteOnce')
    .describe('`ReadWriteMany` is what KubeVirt needs to migrate a VM live'),
  discard: z
    .boolean()
    .optional()
    .describe(
      'Gives what is zeros on the source back to the storage behind a `Block` volume; a file gives it back in any case',
    ),
});
export const storageEntrySchema = z.strictObject({
  source: sourceRefSchema.describe('A datastore of the source: by name, id or path, and all that are given must agree'),
  target: storageTargetSchema.describe('What the disks on it become on the target'),
});
export type StorageEntry = z.infer<typeof storageEntrySchema>;

const mapOf = nameSchema.describe('The Provider whose objects are mapped');
export const networkMapSchema = documentSchema(
  'NetworkMap',
  z.strictObject({
    source: mapOf,
    entries: z.array(networkEntrySchema).describe('The first that fits a NIC’s network counts'),
  }),
);
export const storageMapSchema = documentSchema(
  'StorageMap',
  z.strictObject({
    source: mapOf,
    entries: z.array(storageEntrySchema).describe('The first that fits a disk’s datastore counts'),
  }),
);
export type NetworkMap = z.infer<typeof networkMapSchema>;
export type StorageMap = z.infer<typeof storageMapSchema>;

import { z } from 'zod';
import { documentSchema, nameSchema } from './common.ts';

/** How a document names a source object: any of name, id or path, and all that are given must agree. */
export const sourceRefSchema = z
  .strictObject({ name: z.string().optional(), id: z.string().optional(), path: z.string().optional() })
  .refine((ref) => ref.name !== undefined || ref.id !== undefined || ref.path !== undefined, 'give name, id or path');
export type SourceRef = z.infer<typeof sourceRefSchema>;

/** A NetworkAttachmentDefinition. */
export const attachmentSchema = z.string().regex(/^[a-z0-9.-]+\/[a-z0-9.-]+$/, 'namespace/name');
export const networkTargetSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('pod') }),
  z.strictObject({ type: z.literal('multus'), name: attachmentSchema }),
  z.strictObject({ type: z.literal('ignored') }),
]);
export const networkEntrySchema = z.strictObject({ source: sourceRefSchema, target: networkTargetSchema });
export type NetworkEntry = z.infer<typeof networkEntrySchema>;

export const storageTargetSchema = z.strictObject({
  storageClass: nameSchema,
  volumeMode: z.enum(['Filesystem', 'Block']).default('Filesystem'),
  accessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany']).default('ReadWriteOnce'),
  /** What is zeros on the source is given back to the storage behind a Block volume; a file gives it back in any case. */
  discard: z.boolean().optional(),
});
export const storageEntrySchema = z.strictObject({ source: sourceRefSchema, target: storageTargetSchema });
export type StorageEntry = z.infer<typeof storageEntrySchema>;

export const networkMapSchema = documentSchema(
  'NetworkMap',
  z.strictObject({ source: nameSchema, entries: z.array(networkEntrySchema) }),
);
export const storageMapSchema = documentSchema(
  'StorageMap',
  z.strictObject({ source: nameSchema, entries: z.array(storageEntrySchema) }),
);
export type NetworkMap = z.infer<typeof networkMapSchema>;
export type StorageMap = z.infer<typeof storageMapSchema>;

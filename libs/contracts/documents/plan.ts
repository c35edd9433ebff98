import { z } from 'zod';
import { documentSchema, durationSchema, nameSchema } from './common.ts';
import { planDefaultsSchema } from './defaults.ts';
import { attachmentSchema, networkEntrySchema, storageEntrySchema } from './maps.ts';
import { windowSchema } from './window.ts';

export const planVmSchema = z
  .strictObject({
    name: z.string().optional().describe('Its name in vSphere; of name, id and path all that are given must agree'),
    id: z.string().optional().describe('Its managed object id, such as `vm-42`'),
    path: z.string().optional().describe('Its path in the inventory'),
    targetName: z.string().optional().describe('Its name on the target; else made from the source’s'),
    group: z.string().min(1).optional().describe('VMs of one group cut over together: all or none'),
    luks: z
      .strictObject({
        secret: nameSchema.describe(
          'A Secret of the workbenches’ namespace: each of its values is tried on every encrypted volume',
        ),
      })
      .optional()
      .describe('Keys of its encrypted volumes'),
    accept: z
      .array(
        z.strictObject({
          concern: z.string().describe('The id of a concern that may be accepted'),
          reason: z.string().min(1).describe('Why, for who reads it later'),
        }),
      )
      .default([])
      .describe('Concerns that are to stand in the way no longer'),
  })
  .refine((vm) => vm.name !== undefined || vm.id !== undefined || vm.path !== undefined, 'give name, id or path');

export const planSpecSchema = z.strictObject({
  source: nameSchema.describe('The Provider that has the VMs'),
  target: z
    .strictObject({
      provider: nameSchema.default('host').describe('`host`: the cluster that Tranship runs in; there is no other yet'),
      namespace: nameSchema.describe('Where the VMs are made; it must exist'),
    })
    .describe('Where they go'),
  type: z
    .enum(['cold', 'warm'])
    .default('cold')
    .describe(
      '`cold`: copied once the VM is off; `warm`: copied while it runs, in passes, and what changed last once it is off',
    ),
  networkMap: z
    .union([nameSchema, z.strictObject({ entries: z.array(networkEntrySchema).describe('As of a NetworkMap') })])
    .describe('The name of a NetworkMap of the same source, or its entries'),
  storageMap: z
    .union([nameSchema, z.strictObject({ entries: z.array(storageEntrySchema).describe('As of a StorageMap') })])
    .describe('The name of a StorageMap of the same source, or its entries'),
  transferNetwork: attachmentSchema
    .nullable()
    .default(null)
    .describe(
      'A NetworkAttachmentDefinition, `namespace/name`, by which workbenches reach the source’s disks, beside the network of all pods',
    ),
  vms: z.array(planVmSchema).min(1).describe('What is moved, in this order'),
  defaults: planDefaultsSchema.prefault({}).describe('What holds of each of its VMs'),
  cutover: z
    .strictObject({
      mode: z
        .enum(['manual', 'at', 'budget'])
        .default('manual')
        .describe(
          'Of warm VMs: `manual` by a person’s word, `at` a time, `budget` once the forecast of the downtime fits',
        ),
      at: z.iso
        .datetime({ offset: true })
        .optional()
        .describe('Of mode `at`: the time, such as `2026-12-01T22:00:00+01:00`'),
      window: windowSchema.optional().describe('No power-off begins outside, of cold VMs neither'),
      downtimeBudget: durationSchema
        .optional()
        .describe('A downtime that is forecast to be longer is put off, in every mode, such as `5m`'),
    })
    .refine(({ mode, at }) => mode !== 'at' || at !== undefined, {
      message: 'mode at needs the time: at',
      path: ['at'],
    })
    .refine(({ mode, downtimeBudget }) => mode !== 'budget' || downtimeBudget !== undefined, {
      message: 'mode budget needs downtimeBudget',
      path: ['downtimeBudget'],
    })
    .prefault({})
    .describe('When a source is stopped; window and budget gate every mode'),
  precopy: z
    .strictObject({
      interval: z
        .union([z.literal('auto'), durationSchema])
        .default('auto')
        .describe(
          'From one pass to the next, such as `15m`; `auto`: as long as changing what 20 s of copying move takes, 1m to 1h',
        ),
      auditPercent: z
        .number()
        .min(0)
        .max(100)
        .default(1)
        .describe('Percent of the leaves that the source calls unchanged, read all the same'),
    })
    .prefault({})
    .describe('The passes over a source that runs'),
  archive: z
    .strictObject({
      after: z
        .union([z.literal('never'), durationSchema])
        .default('never')
        .describe('So long after its last migration ended, such as `720h`'),
    })
    .prefault({})
    .describe('When a plan whose migrations are over is archived by itself'),
  concurrency: z
    .strictObject({ vms: z.number().int().positive().default(20).describe('Of one migration, at once') })
    .default({ vms: 20 })
    .describe('How many VMs are moved together'),
});
export type PlanSpec = z.infer<typeof planSpecSchema>;

export const planSchema = documentSchema('Plan', planSpecSchema);
export type Plan = z.infer<typeof planSchema>;

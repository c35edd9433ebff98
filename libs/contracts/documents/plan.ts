import { z } from 'zod';
import { gradeSchema } from '../target.ts';
import { documentSchema, durationSchema, nameSchema, waitSchema } from './common.ts';
import { attachmentSchema, networkEntrySchema, storageEntrySchema } from './maps.ts';
import { windowSchema } from './window.ts';

export const planVmSchema = z
  .strictObject({
    name: z.string().optional(),
    id: z.string().optional(),
    path: z.string().optional(),
    targetName: z.string().optional(),
    /** VMs of one group cut over together: all or none. */
    group: z.string().min(1).optional(),
    /** A Secret of Tranship's own namespace for workbenches: each of its values is tried on every encrypted volume. */
    luks: z.strictObject({ secret: nameSchema }).optional(),
    accept: z.array(z.strictObject({ concern: z.string(), reason: z.string().min(1) })).default([]),
  })
  .refine((vm) => vm.name !== undefined || vm.id !== undefined || vm.path !== undefined, 'give name, id or path');

const defaultsFields = z.strictObject({
  preserveStaticIPs: z.boolean().default(true),
  targetPower: z.enum(['asSource', 'on', 'off']).default('asSource'),
  runStrategy: z.enum(['Always', 'RerunOnFailure', 'Manual', 'Once']).default('Always'),
  /** `none` moves the bytes alone. */
  convert: z.enum(['auto', 'none']).default('auto'),
  /** `required`: no source is stopped before its guest was looked through in a copy, and can be converted; of warm ones it always is. */
  inspect: z.enum(['none', 'required']).default('none'),
  /** Unless given virtio; of a guest that is not converted what most systems know. */
  nicModel: z.enum(['virtio', 'e1000e']).optional().describe('virtio; with `convert: none` e1000e'),
  diskBus: z.enum(['virtio', 'sata', 'scsi']).optional().describe('virtio; with `convert: none` sata'),
  /** `required`: no source is stopped before a copy of it, converted, has booted in isolation. */
  rehearse: z.enum(['none', 'required']).default('none'),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  nodeSelector: z.record(z.string(), z.string()).default({}),
  shutdown: z
    .strictObject({ deadline: waitSchema.default('10m'), then: z.enum(['fail', 'powerOff']).default('fail') })
    .default({ deadline: '10m', then: 'fail' }),
  health: z
    .strictObject({
      agent: z.enum(['required', 'ifPresent', 'ignore']).default('ifPresent'),
      deadline: waitSchema.default('10m'),
    })
    .default({ agent: 'ifPresent', deadline: '10m' }),
  onUnhealthy: z.enum(['hold', 'rollback']).default('hold'),
  /** `sealed`: its NICs' links are down until the guest agent answers. */
  firstStart: z.enum(['open', 'sealed']).default('open'),
  /** `standard`: CRC-32 of each leaf; `sha256`: SHA-256; `full`: the powered-off source is read again as well. */
  proof: gradeSchema.default('standard'),
});
export const planDefaultsSchema = defaultsFields.refine(
  ({ firstStart, health }) => firstStart !== 'sealed' || health.agent !== 'ignore',
  {
    message: 'a sealed first start waits for the guest agent: health.agent must not be ignore',
    path: ['firstStart'],
  },
);
export type PlanDefaults = z.infer<typeof planDefaultsSchema>;

export const planSpecSchema = z.strictObject({
  source: nameSchema,
  target: z.strictObject({ provider: nameSchema.default('host'), namespace: nameSchema }),
  type: z.enum(['cold', 'warm']).default('cold'),
  networkMap: z.union([nameSchema, z.strictObject({ entries: z.array(networkEntrySchema) })]),
  storageMap: z.union([nameSchema, z.strictObject({ entries: z.array(storageEntrySchema) })]),
  /** By which workbenches reach the source's disks, beside the network of all pods. */
  transferNetwork: attachmentSchema.nullable().default(null),
  vms: z.array(planVmSchema).min(1),
  defaults: planDefaultsSchema.prefault({}),
  /** When a migration cuts over; a window and a budget gate every mode. */
  cutover: z
    .strictObject({
      mode: z.enum(['manual', 'at', 'budget']).default('manual'),
      at: z.iso.datetime({ offset: true }).optional(),
      /** No power-off begins outside. */
      window: windowSchema.optional(),
      downtimeBudget: durationSchema.optional(),
    })
    .refine(({ mode, at }) => mode !== 'at' || at !== undefined, {
      message: 'mode at needs the time: at',
      path: ['at'],
    })
    .refine(({ mode, downtimeBudget }) => mode !== 'budget' || downtimeBudget !== undefined, {
      message: 'mode budget needs downtimeBudget',
      path: ['downtimeBudget'],
    })
    .prefault({}),
  precopy: z
    .strictObject({
      interval: z.union([z.literal('auto'), durationSchema]).default('auto'),
      /** Percent of the leaves that the source calls unchanged, read all the same. */
      auditPercent: z.number().min(0).max(100).default(1),
    })
    .prefault({}),
  /** When a plan whose migrations are over is archived by itself. */
  archive: z.strictObject({ after: z.union([z.literal('never'), durationSchema]).default('never') }).prefault({}),
  concurrency: z.strictObject({ vms: z.number().int().positive().default(20) }).default({ vms: 20 }),
});
export type PlanSpec = z.infer<typeof planSpecSchema>;

export const planSchema = documentSchema('Plan', planSpecSchema);
export type Plan = z.infer<typeof planSchema>;

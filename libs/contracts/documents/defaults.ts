import { z } from 'zod';
import { gradeSchema } from '../target.ts';
import { waitSchema } from './common.ts';

const defaultsFields = z.strictObject({
  preserveStaticIPs: z.boolean().default(true).describe('NICs keep the addresses that the source’s guest reported'),
  targetPower: z
    .enum(['asSource', 'on', 'off'])
    .default('asSource')
    .describe('Whether the target is started: `asSource` if its source ran, `on`, or `off`'),
  runStrategy: z
    .enum(['Always', 'RerunOnFailure', 'Manual', 'Once'])
    .default('Always')
    .describe('KubeVirt’s word for when the target runs again by itself'),
  convert: z
    .enum(['auto', 'none'])
    .default('auto')
    .describe('`auto`: the guest is given what it needs to boot on KVM; `none` moves the bytes alone'),
  inspect: z
    .enum(['none', 'required'])
    .default('none')
    .describe(
      '`required`: no source is stopped before its guest was looked through in a copy, and can be converted; of warm ones it always is',
    ),
  nicModel: z
    .enum(['virtio', 'e1000e'])
    .optional()
    .describe('Of its NICs: `virtio`, with `convert: none` `e1000e`, unless given'),
  diskBus: z
    .enum(['virtio', 'sata', 'scsi'])
    .optional()
    .describe('Of its disks: `virtio`, with `convert: none` `sata`, unless given'),
  rehearse: z
    .enum(['none', 'required'])
    .default('none')
    .describe('`required`: no source is stopped before a copy of it, converted, has booted in isolation'),
  labels: z.record(z.string(), z.string()).default({}).describe('Of the VirtualMachine and its pod'),
  annotations: z.record(z.string(), z.string()).default({}).describe('Of the VirtualMachine'),
  nodeSelector: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels of the nodes on which VM and workbench may run'),
  shutdown: z
    .strictObject({
      deadline: waitSchema.default('10m').describe('How long the source’s guest may take to shut down; at most 50m'),
      then: z
        .enum(['fail', 'powerOff'])
        .default('fail')
        .describe(
          'After that: `fail`: it runs on, a warm migration goes on with passes and a cold one fails; `powerOff` pulls its plug',
        ),
    })
    .default({ deadline: '10m', then: 'fail' })
    .describe('How the source is stopped'),
  health: z
    .strictObject({
      agent: z
        .enum(['required', 'ifPresent', 'ignore'])
        .default('ifPresent')
        .describe(
          'Whether its guest agent must answer with the addresses: `required`, `ifPresent` if one speaks by the deadline, or `ignore`',
        ),
      deadline: waitSchema.default('10m').describe('How long it may take to be well; at most 50m'),
    })
    .default({ agent: 'ifPresent', deadline: '10m' })
    .describe('When a target that was started is well'),
  onUnhealthy: z
    .enum(['hold', 'rollback'])
    .default('hold')
    .describe(
      'Of a target that does not get well: `hold` waits for a person, `rollback` stops it and starts a source that ran',
    ),
  firstStart: z
    .enum(['open', 'sealed'])
    .default('open')
    .describe('`sealed`: the links of its NICs are down until the guest agent answers'),
  proof: gradeSchema
    .default('standard')
    .describe(
      '`standard`: CRC-32 of each leaf; `sha256`: SHA-256; `full`: the powered-off source is read again as well',
    ),
});
export const planDefaultsSchema = defaultsFields.refine(
  ({ firstStart, health }) => firstStart !== 'sealed' || health.agent !== 'ignore',
  {
    message: 'a sealed first start waits for the guest agent: health.agent must not be ignore',
    path: ['firstStart'],
  },
);
export type PlanDefaults = z.infer<typeof planDefaultsSchema>;

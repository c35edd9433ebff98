import { z } from 'zod';
import { concernSchema } from './concerns.ts';
import { networkMapSchema, storageMapSchema } from './documents/maps.ts';
import { planSchema } from './documents/plan.ts';
import { providerSchema } from './documents/provider.ts';
import { forecastSchema } from './forecast.ts';
import { powerStateSchema } from './inventory.ts';
import { paceSchema, throttleSchema } from './limits.ts';
import { problemSchema } from './problem.ts';
import { reachedSchema, steps } from './steps.ts';
import type { Aggregate } from './subjects.ts';
import { connectionSchema, gradeSchema, targetVmSchema } from './target.ts';

/** Facts, past tense: `<aggregate>.<what>`. The log of these is the state. */
function event<D extends z.ZodType>(aggregate: Aggregate, data: D) {
  return { aggregate, data } as const;
}
const none = z.object({});
const attempt = { attempt: z.number().int() };

/** A person's word: now, or at a time; `force` overrides the budget and the window. */
export const cutoverRequestSchema = z.object({ at: z.iso.datetime({ offset: true }).optional(), force: z.boolean() });

/** All that a VM's course needs, pinned when its migration is started. */
export const vmPlanSchema = z.object({
  name: z.string(),
  plan: z.string(),
  workbench: z.string(),
  guestId: z.string(),
  power: powerStateSchema,
  type: z.enum(['cold', 'warm']),
  /** Ids of the VMs that cut over together with this one: all, or none. */
  group: z.array(z.string()).default([]),
  /** Where its disks are opened (the host's id, empty where none is known), how many at once, and how many that host bears. */
  host: z.string(),
  sessions: z.number().int().positive(),
  sessionsPerHost: z.number().int().positive(),
  /** Ids of the datastores that a snapshot of it grows on, and how many snapshots of ours each of them bears. */
  datastores: z.array(z.string()).default([]),
  snapshotsPerDatastore: z.number().int().positive().default(8),
  /** Whether change tracking was on when the VM was queued. */
  tracking: z.boolean(),
  cutover: z.object({
    mode: z.enum(['manual', 'at', 'budget']),
    at: z.string().optional(),
    budgetMs: z.number().optional(),
    /** Each opening by its cron, in its time zone, for so long. */
    window: z.object({ cron: z.string(), forMs: z.number(), timeZone: z.string() }).optional(),
  }),
  /** Between the end of a pass and the next; without one it follows the write rate. */
  intervalMs: z.number().optional(),
  /** Share of the leaves called unchanged that are read all the same. */
  audit: z.number(),
  proof: gradeSchema.default('standard'),
  convert: z.enum(['auto', 'none']),
  /** `required`: no power-off before the copy was looked through, and can be converted. */
  inspect: z.enum(['none', 'required']).default('none'),
  /** `required`: no cutover before the copy, converted, has booted in isolation. */
  rehearse: z.enum(['none', 'required']).default('none'),
  start: z.boolean(),
  shutdown: z.object({ deadlineMs: z.number(), then: z.enum(['fail', 'powerOff']) }),
  health: z.object({ agent: z.enum(['required', 'ifPresent', 'ignore']), deadlineMs: z.number() }),
  onUnhealthy: z.enum(['hold', 'rollback']),
  connection: connectionSchema,
  target: targetVmSchema,
});
export type VmPlan = z.infer<typeof vmPlanSchema>;

export const events = {
  'provider.added': event('provider', providerSchema),
  'provider.removed': event('provider', none),
  'provider.ready': event('provider', z.object({ apiVersion: z.string(), vms: z.number() })),
  'provider.lost': event('provider', z.object({ error: problemSchema })),
  'map.stored': event('map', z.union([networkMapSchema, storageMapSchema])),
  'map.removed': event('map', none),
  'plan.accepted': event('plan', planSchema),
  'plan.changed': event('plan', planSchema),
  /** A validation was asked for, and told this: concerns of each category, over all VMs. What is as it was told last is not stated again. */
  'plan.validated': event(
    'plan',
    z.object({
      ...{ generation: z.number().int(), ready: z.boolean(), vms: z.number().int() },
      ...{ critical: z.number().int(), warning: z.number().int(), information: z.number().int() },
    }),
  ),
  'plan.removed': event('plan', none),
  /** Nothing of ours is left at its sources, and it is not started again. */
  'plan.archived': event('plan', none),
  /** Before the start, and for nothing without it: what the course of each VM will need. Of several for one VM the last counts. */
  'migration.pinned': event('migration', z.object({ vms: z.array(z.object({ id: z.string(), plan: vmPlanSchema })) })),
  'migration.started': event(
    'migration',
    z.object({
      plan: z.string(),
      /** The provider of its VMs. Without it an older planner wrote this, which pinned nothing and queued the VMs before. */
      source: z.string().optional(),
      generation: z.number(),
      concurrency: z.number(),
      /** The Idempotency-Key of the start. */
      key: z.string().optional(),
      vms: z.array(z.object({ id: z.string(), name: z.string() })),
    }),
  ),
  'migration.finished': event('migration', z.object({ state: z.enum(['succeeded', 'failed', 'cancelled']) })),
  /** A VM of it is tried again after its end. */
  'migration.reopened': event('migration', none),
  /** `sessions`: disks that the VM may have open at once, all at its host. */
  'permits.granted': event(
    'permits',
    z.object({ migration: z.string(), vm: z.string(), host: z.string(), sessions: z.number().int() }),
  ),
  'permits.returned': event('permits', z.object({ migration: z.string(), vm: z.string() })),
  /** The VM may have one snapshot open, which counts on each of these datastores (ids). `at`: the sequence that its course had. */
  'permits.snapshot-granted': event(
    'permits',
    z.object({ migration: z.string(), vm: z.string(), datastores: z.array(z.string()), at: z.number().int() }),
  ),
  'permits.snapshot-returned': event('permits', z.object({ migration: z.string(), vm: z.string() })),
  'vm.queued': event('vm', vmPlanSchema),
  'vm.admitted': event('vm', none),
  'vm.prepared': event('vm', steps.prepare.result),
  'vm.pass-started': event('vm', z.object({ pass: z.number().int() })),
  'vm.snapshotted': event('vm', steps.snapshot.result),
  'vm.snapshot-removed': event('vm', steps.removeSnapshot.result),
  'vm.inspection-due': event('vm', none),
  'vm.inspected': event('vm', steps.inspect.result),
  /** A person's word: of the copy as it is, or, where that was rehearsed already, of the next pass's. */
  'vm.rehearsal-requested': event('vm', none),
  'vm.rehearsal-due': event('vm', none),
  /** How it went: a failed one bars the cutover of a plan that requires it. */
  'vm.rehearsed': event('vm', steps.rehearse.result),
  'vm.release-due': event('vm', z.object({ until: z.iso.datetime().optional() })),
  /** Volumes and ledgers stay; nobody holds them until the workbench is prepared again. */
  'vm.released': event('vm', steps.release.result),
  'vm.prepare-due': event('vm', none),
  'vm.forecast': event('vm', forecastSchema),
  'vm.cutover-requested': event('vm', cutoverRequestSchema),
  'vm.cutover-due': event('vm', z.object({ why: z.string() })),
  /** The source goes on; the cutover waits for a person. */
  'vm.cutover-postponed': event('vm', z.object({ error: problemSchema })),
  'vm.paused': event('vm', none),
  'vm.resumed': event('vm', none),
  /** A datastore of the source has too little room: the pass is given up, its snapshot goes, and none is taken until `vm.eased`. */
  'vm.guarded': event('vm', z.object({ error: problemSchema })),
  'vm.eased': event('vm', none),
  /** Heeded by a running copy within two seconds. */
  'vm.throttled': event('vm', throttleSchema),
  /** A datastore of the source answers slowly, or does so no more. Heeded as `vm.throttled` is. */
  'vm.paced': event('vm', paceSchema),
  'vm.powered-off': event('vm', steps.powerOff.result),
  'vm.changes-found': event('vm', steps.findChanges.result),
  'vm.pass-finished': event('vm', steps.copy.result),
  'vm.proved': event('vm', steps.prove.result),
  /** What was read back is not what was read: the pass is done again, and mends what differs. */
  'vm.proof-failed': event('vm', z.object({ error: problemSchema })),
  'vm.converted': event('vm', steps.convert.result),
  'vm.handed-over': event('vm', steps.handOver.result),
  'vm.created': event('vm', steps.create.result),
  'vm.source-checked': event('vm', steps.checkOff.result),
  'vm.started': event('vm', steps.start.result),
  'vm.unsealed': event('vm', steps.unseal.result),
  'vm.healthy': event('vm', steps.watchHealth.result),
  'vm.settled': event('vm', steps.settle.result),
  'vm.succeeded': event('vm', z.object({ unproven: z.boolean() })),
  /** A step failed and is tried again (`again`), or the course turns back. Where disks came further since, its tries count anew. */
  'vm.step-failed': event(
    'vm',
    z.object({
      ...{ step: z.string(), ...attempt, error: problemSchema, again: z.boolean() },
      reached: z.array(reachedSchema).optional(),
    }),
  ),
  'vm.cancel-requested': event('vm', none),
  'vm.retried': event('vm', none),
  'vm.rollback-requested': event('vm', none),
  /** The course turns back: nothing of the target has run. */
  'vm.undo-began': event('vm', z.object({ error: problemSchema.optional() })),
  'vm.target-stopped': event('vm', steps.stopTarget.result),
  'vm.contested': event('vm', z.object({ error: problemSchema })),
  'vm.decision-needed': event('vm', z.object({ error: problemSchema })),
  'vm.target-removed': event('vm', steps.removeTarget.result),
  'vm.source-tidied': event('vm', steps.tidySource.result),
  'vm.source-started': event('vm', steps.powerOn.result),
  /** The target, which had run, is stopped and kept; the source is as it was before. */
  'vm.rolled-back': event('vm', none),
  'vm.failed': event('vm', z.object({ error: problemSchema.optional() })),
  'vm.cancelled': event('vm', none),
  'vm.archive-requested': event('vm', none),
  /** Change tracking that we turned on is off, and what was kept of a target that was given up is gone. */
  'vm.archived': event('vm', none),
  'vm.archive-failed': event('vm', z.object({ error: problemSchema })),
  /** Seen on the way, and to be known by a person; nothing waits for it. */
  'vm.concern-raised': event('vm', concernSchema),
  'access.allowed': event('access', z.object({ who: z.string(), verb: z.string(), path: z.string() })),
  'access.denied': event('access', z.object({ who: z.string(), verb: z.string(), path: z.string(), why: z.string() })),
} as const;

export type Events = typeof events;
export type EventType = keyof Events;
export type EventData<K extends EventType> = z.output<Events[K]['data']>;
/** One event, told apart by `type`. */
export type TranshipEvent<K extends EventType = EventType> = { [T in K]: { type: T; data: EventData<T> } }[K];
export type VmEventType = Extract<EventType, `vm.${string}`>;

import { z } from 'zod';
import { concernSchema, validationSchema } from './concerns.ts';
import { networkMapSchema, storageMapSchema } from './documents/maps.ts';
import { planSchema } from './documents/plan.ts';
import { providerSchema } from './documents/provider.ts';
import { forecastSchema } from './forecast.ts';
import {
  latencySchema,
  roomSchema,
  sourceDatastoreSchema,
  sourceFolderSchema,
  sourceHostSchema,
  sourceNetworkSchema,
  sourceVmSchema,
} from './inventory.ts';
import { throttleSchema } from './limits.ts';
import { signedProofSchema } from './proof.ts';
import { rehearsalSchema } from './rehearsal.ts';
import { vmReportSchema } from './report.ts';
import { steps } from './steps.ts';
import type { ServiceName } from './subjects.ts';
import { connectionSchema, targetVmSchema } from './target.ts';

/** Requests between services with an answer within the deadline (5 s unless told). Answers are `{ok}` or `{error: Problem}`. */
function query<I extends z.ZodType, R extends z.ZodType>(
  service: ServiceName,
  input: I,
  result: R,
  deadlineMs = 5_000,
) {
  return { service, input, result, deadlineMs } as const;
}
const none = z.object({});
const named = z.object({ name: z.string() });
/** `resourceVersion`: only if it still is the present one. */
const removal = named.extend({ resourceVersion: z.string().optional() });
const page = { limit: z.number().int().positive().max(500).default(100), continue: z.string().optional() };
const paged = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), continue: z.string().optional() });
/** Which rows are wanted, such as `memoryMB > 4096 and not template`: docs/reference/inventory.md. */
export const whereSchema = z.string().max(2_000);
const inProvider = z.object({ provider: z.string(), where: whereSchema.optional(), ...page });

export const checkSchema = z.object({
  name: z.string(),
  /** False where something must be mended before anything can move. */
  ok: z.boolean(),
  /** Where it is no plain yes: something that only some migrations need is missing, or it cannot be told from here. */
  but: z.enum(['warning', 'unchecked']).optional(),
  detail: z.string(),
  fix: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

export const vmStatusSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  step: z.string().nullable(),
  /** The how-manieth try of the present step. */
  attempt: z.number(),
  since: z.string(),
  error: z.unknown().optional(),
  /** Facts gathered on the way, by step; of files that change their names alone. */
  results: z.record(z.string(), z.unknown()),
  /** Passes over the disks so far; the last may still run. */
  passes: z
    .array(
      z.object({
        pass: z.number(),
        started: z.string(),
        finished: z.string().optional(),
        snapshot: z.string().optional(),
        readBytes: z.number(),
        seconds: z.number(),
      }),
    )
    .optional(),
  forecast: forecastSchema.optional(),
  /** The parts of the downtime that are over, in seconds. */
  downtime: forecastSchema.shape.parts.partial().optional(),
  paused: z.boolean().optional(),
  /** Its workbench is gone until the next pass, or the cutover, is near. */
  released: z.boolean().optional(),
  /** What was copied is kept: a retry goes on from it, the archive removes it. */
  kept: z.boolean().optional(),
  /** What was seen on the way that a person should know; the migration goes on. */
  concerns: z.array(concernSchema).optional(),
  /** Why nothing happens just now although a pass or the cutover would be due, in words. */
  waits: z.string().optional(),
  /** What a person allows its copy, MB/s. */
  throttleMBps: z.number().optional(),
  /** What it is slowed to for the sake of a datastore, and why, in words. */
  paced: z.string().optional(),
});
export const migrationSchema = z.object({
  id: z.string(),
  plan: z.string(),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  started: z.string(),
  finished: z.string().optional(),
  vms: z.array(vmStatusSchema),
});
export type MigrationStatus = z.infer<typeof migrationSchema>;
export type VmStatus = z.infer<typeof vmStatusSchema>;

export const timelineEntrySchema = z.object({
  seq: z.number(),
  time: z.string(),
  type: z.string(),
  vm: z.string().optional(),
  data: z.unknown(),
});

export const queries = {
  // inventory owns providers
  putProvider: query('inventory', providerSchema, providerSchema),
  getProvider: query('inventory', named, providerSchema),
  listProviders: query('inventory', none, z.object({ items: z.array(providerSchema) })),
  deleteProvider: query('inventory', removal, none, 15_000),
  testProvider: query('inventory', named, z.object({ checks: z.array(checkSchema) }), 30_000),
  fetchCa: query(
    'inventory',
    z.object({ url: z.string() }),
    z.object({ pem: z.string(), thumbprint: z.string(), sha256: z.string() }),
    15_000,
  ),
  vms: query('inventory', inProvider, paged(sourceVmSchema)),
  hosts: query('inventory', inProvider, paged(sourceHostSchema)),
  networks: query('inventory', inProvider, paged(sourceNetworkSchema)),
  datastores: query('inventory', inProvider, paged(sourceDatastoreSchema)),
  folders: query('inventory', inProvider, paged(sourceFolderSchema)),
  /** Looks VMs up by name, id or path; each reference gives all that match. */
  findVms: query(
    'inventory',
    z.object({
      provider: z.string(),
      refs: z.array(z.object({ name: z.string().optional(), id: z.string().optional(), path: z.string().optional() })),
    }),
    z.object({ matches: z.array(z.array(sourceVmSchema)) }),
    15_000,
  ),
  connection: query('inventory', named, connectionSchema),
  /** The step checkOff as a question: by vCenter itself, now; error `source.contested` as there. */
  sourceOff: query(
    'inventory',
    z.object({ provider: z.string(), vm: z.string(), lastStart: z.number().int().optional() }),
    steps.checkOff.result,
    15_000,
  ),
  /** Read now, from vCenter itself, by VM id. A VM that is not there, or has no datastore, is left out. */
  room: query(
    'inventory',
    z.object({ provider: z.string(), vms: z.array(z.string()) }),
    z.object({ rooms: z.array(roomSchema) }),
    15_000,
  ),
  /** By ESXi's own figures of the last 20 s. A VM of whose datastores nothing is known, or is to be watched, is left out. */
  latency: query(
    'inventory',
    z.object({ provider: z.string(), vms: z.array(z.string()) }),
    z.object({ latencies: z.array(latencySchema) }),
    15_000,
  ),
  // planner owns plans and migrations
  putPlan: query('planner', planSchema, planSchema),
  getPlan: query('planner', named, planSchema),
  listPlans: query('planner', none, z.object({ items: z.array(planSchema) })),
  deletePlan: query('planner', removal, none),
  /** `status.archived` says when it was; without it, it is still being done. */
  archivePlan: query('planner', named, planSchema, 15_000),
  validatePlan: query(
    'planner',
    z.object({ name: z.string().optional(), plan: planSchema.optional() }),
    validationSchema,
    15_000,
  ),
  startPlan: query(
    'planner',
    z.object({ name: z.string(), readyOnly: z.boolean().default(false), key: z.string().optional() }),
    z.object({ migration: z.string() }),
    15_000,
  ),
  /** Why a provider cannot go: VMs that are moved from it, or (`kept`) whose copy waits for a retry. */
  providerUses: query(
    'planner',
    named,
    z.object({ uses: z.array(z.object({ migration: z.string(), vm: z.string(), kept: z.boolean() })) }),
  ),
  getMigration: query('planner', named, migrationSchema, 15_000),
  /** By their ids. A page ends earlier where its VMs are many. */
  listMigrations: query('planner', z.object({ plan: z.string().optional(), ...page }), paged(migrationSchema), 15_000),
  actOnMigration: query(
    'planner',
    z.object({
      name: z.string(),
      vm: z.string().optional(),
      verb: z.enum(['cutover', 'cancel', 'retry', 'pause', 'resume', 'rollback', 'throttle', 'rehearse']),
      /** Of `cutover`. */
      at: z.iso.datetime({ offset: true }).optional(),
      force: z.boolean().default(false),
      /** Of `throttle`. */
      mbps: throttleSchema.shape.mbps.default(null),
    }),
    migrationSchema,
    // An event a VM.
    15_000,
  ),
  timeline: query(
    'planner',
    z.object({ name: z.string(), vm: z.string().optional() }),
    z.object({ items: z.array(timelineEntrySchema) }),
    15_000,
  ),
  /** Of one VM: the last one. */
  rehearsal: query('planner', z.object({ name: z.string(), vm: z.string() }), rehearsalSchema),
  /** Of one VM. */
  report: query('planner', z.object({ name: z.string(), vm: z.string() }), vmReportSchema),
  /** Of one VM, signed. */
  proof: query('planner', z.object({ name: z.string(), vm: z.string() }), signedProofSchema, 15_000),
  previewPlan: query(
    'vm-builder',
    z.object({ targets: z.array(targetVmSchema), connection: connectionSchema }),
    z.object({ objects: z.array(z.unknown()) }),
    30_000,
  ),
  targetsOf: query(
    'planner',
    z.object({ name: z.string().optional(), plan: planSchema.optional(), vm: z.string().optional() }),
    z.object({ targets: z.array(targetVmSchema) }),
    15_000,
  ),
  // gateway owns maps
  getNetworkMap: query('gateway', named, networkMapSchema),
  getStorageMap: query('gateway', named, storageMapSchema),
  // vm-builder speaks for the target
  targetFacts: query(
    'vm-builder',
    /** `secrets`: those that are to hold keys of encrypted volumes. */
    z.object({ namespace: z.string(), secrets: z.array(z.string()).default([]) }),
    z.object({
      storageClasses: z.array(z.string()),
      namespaces: z.array(z.string()),
      networks: z.array(z.string()),
      vms: z.array(z.string()),
      /** Of the secrets asked for, those that hold none. */
      keyless: z.array(z.object({ secret: z.string(), why: z.string() })).default([]),
    }),
  ),
  /** Read now, from the cluster itself: whether a VM of that name runs, or is about to, be it ours or not. */
  targetRuns: query(
    'vm-builder',
    z.object({ namespace: z.string(), name: z.string() }),
    z.object({ runs: z.boolean() }),
    15_000,
  ),
  /** Stores a credential in Tranship's own namespace; never logged, never an event. */
  putSecret: query('vm-builder', z.object({ name: z.string(), data: z.record(z.string(), z.string()) }), none),
  /** A credential, for inventory alone: the permissions of NATS keep others out. */
  readSecret: query('vm-builder', named, z.object({ username: z.string(), password: z.string() })),
} as const;

export type Queries = typeof queries;
export type QueryName = keyof Queries;
export type QueryInput<K extends QueryName> = z.input<Queries[K]['input']>;
export type QueryParsed<K extends QueryName> = z.output<Queries[K]['input']>;
export type QueryResult<K extends QueryName> = z.output<Queries[K]['result']>;

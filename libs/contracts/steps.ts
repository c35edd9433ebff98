import { z } from 'zod';
import { inspectResultSchema, madeChangeSchema } from './inspection.ts';
import { powerStateSchema } from './inventory.ts';
import { problemSchema } from './problem.ts';
import { rehearsalSchema } from './rehearsal.ts';
import { signatureSchema } from './signature.ts';
import type { ServiceName } from './subjects.ts';
import { connectionSchema, gradeSchema, targetDiskSchema, targetVmSchema, viaSchema } from './target.ts';

/** The steps of one VM's course. Each is a command to one service; its worker answers with a {@link reportSchema report}. */
function step<I extends z.ZodType, R extends z.ZodType>(
  service: ServiceName,
  deadlineMs: number,
  input: I,
  result: R,
  /** What its deadline is counted from: where a disk's size decides, from the last byte that was moved. */
  since: 'begin' | 'last byte' = 'begin',
) {
  return { service, deadlineMs, input, result, since } as const;
}

const minutes = (n: number) => n * 60_000;
const moment = z.iso.datetime();
const grade = gradeSchema.default('standard');
/** Every step names its VM: `vm` is the source's id, `workbench` the stem of all our names on the target. */
const base = { migration: z.string(), vm: z.string(), workbench: z.string() };
const source = { migration: z.string(), vm: z.string(), provider: z.string() };
/** How a pass finds what to copy: `full`, all that is allocated, into an empty target; `delta`, the areas listed; `compare`, all is read and what differs is written. */
export const passHowSchema = z.enum(['full', 'delta', 'compare']);
export const passDiskSchema = targetDiskSchema.extend({
  how: passHowSchema,
  /** Of a delta: the object (of the bus's object store) with `[[offset, length], …]`, bytes, in the disk's order. */
  areas: z.string().optional(),
  /** The moment since which these were asked: they say nothing of a target that holds another. */
  since: z.string().optional(),
  /** VMware's name for the moment that is copied. */
  changeId: z.string().optional(),
  /** The object that keeps the ledger as the last proof left it: for a scratch volume that was lost. */
  kept: z.string().optional(),
});
export type PassDisk = z.infer<typeof passDiskSchema>;

/** One disk as the last pass left it: what inventory compares with. */
export const sinceSchema = z.object({
  key: z.number().int(),
  sizeBytes: z.number().int(),
  /** VMware's name for the moment of the last pass; without one nothing can be said of what changed since. */
  changeId: z.string().optional(),
});
/** The disks at one moment. */
export const pointSchema = z.object({
  at: moment,
  disks: z.array(
    z.object({
      key: z.number().int(),
      /** What is opened: the backing at that moment. */
      file: z.string(),
      changeId: z.string().optional(),
      /** The object with the areas that changed since; without one all must be compared. */
      areas: z.string().optional(),
      changedBytes: z.number().optional(),
      /** Why there are no areas. */
      lost: z.string().optional(),
    }),
  ),
  /** Snapshots that are not ours: a change of these between two passes ends the trust in changed areas. */
  foreign: z.array(z.string()),
});
export type Point = z.infer<typeof pointSchema>;
export type Since = z.infer<typeof sinceSchema>;

const nicFact = z.object({ mac: z.string(), name: z.string(), addresses: z.array(z.string()) });
/** The NICs of the VM, for who looks for their configuration in the guest; `addresses` as vSphere reported them. */
const guestNics = z.array(
  z.object({
    mac: z.string(),
    addresses: z.array(z.string()),
    /** `pciSlotNumber` of VMware, from which a guest may have named its NIC. */
    slot: z.number().optional(),
  }),
);

export const steps = {
  /** PVCs, scratch volume and workbench stand in Tranship's own namespace; done when both its services take commands. */
  prepare: step(
    'vm-builder',
    minutes(10),
    z.object({
      ...base,
      target: targetVmSchema,
      connection: connectionSchema,
      /** The scratch volume must hold its sums. */
      grade,
      /** The workbench must have room for the guest's memory, and for what it writes; one that stands without is replaced. */
      rehearse: z.boolean().default(false),
      /** The target ran and was given up: its VM goes, and its volumes are the workbench's again, with what is in them. */
      ran: z.boolean().default(false),
    }),
    z.object({
      /** `volume`: the persistent volume behind it. */
      pvcs: z.array(z.object({ index: z.number(), name: z.string(), uid: z.string(), volume: z.string().default('') })),
      pod: z.string(),
      /** A guest can be booted in it. */
      rehearse: z.boolean().default(false),
    }),
  ),
  /** The workbench goes, its volumes stay: the next pass is far away. {@link steps.prepare} makes it stand again. */
  release: step('vm-builder', minutes(10), z.object(base), z.object({ removed: z.array(z.string()) })),
  /** Guest shutdown with a deadline; `then` says what follows when it passes. `power`: as it was when the VM was queued. */
  powerOff: step(
    'inventory',
    minutes(60),
    z.object({ ...source, power: powerStateSchema, deadlineMs: z.number(), then: z.enum(['fail', 'powerOff']) }),
    z.object({ was: powerStateSchema, how: z.enum(['already', 'guest', 'hard']), at: moment }),
  ),
  /** A snapshot of the running VM, and what changed of each disk since the last pass. Change tracking is turned on where it is off. */
  snapshot: step(
    'inventory',
    minutes(30),
    z.object({ ...source, name: z.string(), disks: z.array(sinceSchema), foreign: z.array(z.string()).optional() }),
    pointSchema.extend({
      snapshot: z.string(),
      tracking: z.enum(['on', 'enabled', 'off']),
      /** Why it could not be turned on. */
      untracked: z.string().optional(),
      powerState: powerStateSchema,
    }),
  ),
  /** Our snapshot is gone and its files are merged: only then may the next one, or the power-off, begin. */
  removeSnapshot: step(
    'inventory',
    minutes(24 * 60),
    /** `graceMs`: its reader was stopped, and is let close the files for so long. */
    z.object({ ...source, name: z.string(), graceMs: z.number().optional() }),
    z.object({ seconds: z.number() }),
  ),
  /** What changed since the last pass, of the VM that is off. */
  findChanges: step(
    'inventory',
    minutes(30),
    z.object({ ...source, disks: z.array(sinceSchema), foreign: z.array(z.string()).optional() }),
    pointSchema.extend({
      /** The key of vCenter's newest event of the VM's start, 0 where there is none; absent where it does not tell. */
      lastStart: z.number().int().optional(),
    }),
  ),
  /** One pass over every disk into the target volumes, with leaves and ledger. */
  copy: step(
    'transfer',
    minutes(15),
    z.object({
      ...base,
      connection: connectionSchema,
      disks: z.array(passDiskSchema),
      /** Disks open at once: what the VM's permit holds. */
      sessions: z.number().int().positive(),
      /** 1 first; a ledger holds the last pass that was finished. */
      pass: z.number().int(),
      /** Read at this snapshot; without one the VM is off. */
      snapshot: z.string().optional(),
      /** Share of the leaves that a delta calls unchanged, read all the same and compared: 0 to 1. */
      audit: z.number().min(0).max(1).default(0),
      /** Bytes a second that the last telling pass read, all disks together: until there is a rate of its own. */
      pastRate: z.number().positive().optional(),
      grade,
      /** The source is read whole once more after the pass; what differs then has the disk compared. */
      reread: z.boolean().default(false),
    }),
    z.object({
      disks: z.array(
        z.object({
          index: z.number(),
          sizeBytes: z.number(),
          /** As it was done in the end: a delta whose audit found a difference becomes a comparison. */
          how: passHowSchema,
          /** Bytes read from the source in this pass, over all attempts. */
          readBytes: z.number(),
          /** Bytes written to the target in this pass, over all attempts; zeros that needed no write are not counted. */
          writtenBytes: z.number(),
          /** Bytes of this pass that were already done by the ledger when the last attempt began. */
          resumedBytes: z.number(),
          /** Of a comparison: bytes that the target held already. */
          savedBytes: z.number().default(0),
          /** Leaves read although the source called them unchanged, or read once more; and how many of them had changed. */
          auditedLeaves: z.number(),
          liedLeaves: z.number(),
          /** Root over the leaves, hex SHA-256. */
          root: z.string(),
          via: viaSchema.optional(),
        }),
      ),
      seconds: z.number(),
    }),
    'last byte',
  ),
  /** Reads back what the pass wrote, against the leaves: with the passes before it, the proof that the target equals what was read. */
  prove: step(
    'transfer',
    minutes(15),
    z.object({
      ...base,
      disks: z.array(targetDiskSchema),
      pass: z.number().int(),
      grade,
      /** Another pass will follow: the ledgers are put into the object store. */
      keep: z.boolean().default(false),
    }),
    z.object({
      grade: gradeSchema,
      /** `leaves`: those read back for this pass; the root is over all of the disk. `kept`: the object with the ledger. */
      disks: z.array(
        z.object({ index: z.number(), root: z.string(), leaves: z.number(), kept: z.string().optional() }),
      ),
      seconds: z.number(),
    }),
    'last byte',
  ),
  /** Whether the guest will convert, and what that will change: of the copy that the last pass left, read only. */
  inspect: step(
    'converter',
    minutes(10),
    z.object({ ...base, disks: z.array(targetDiskSchema), nics: guestNics }),
    inspectResultSchema,
  ),
  /** Boots the copy that a pass left, converted, on an overlay that is thrown away, without any network. A guest that does not come up is a result. */
  rehearse: step(
    'converter',
    minutes(180),
    z.object({
      ...base,
      target: targetVmSchema,
      pass: z.number().int(),
      mode: z.enum(['auto', 'none']),
      agent: z.enum(['required', 'ifPresent', 'ignore']),
      /** For the boot on KVM; in emulation three times as long. */
      deadlineMs: z.number(),
    }),
    rehearsalSchema,
  ),
  /** Makes the guest fit KVM; the ledger is marked diverged before the first change. */
  convert: step(
    'converter',
    minutes(60),
    z.object({
      ...base,
      disks: z.array(targetDiskSchema),
      guestId: z.string(),
      grade,
      mode: z.enum(['auto', 'none']),
      nics: guestNics,
    }),
    z.object({
      engine: z.enum(['direct', 'mount', 'appliance', 'none']),
      reason: z.string(),
      os: z.string(),
      changes: z.array(madeChangeSchema),
      nics: z.array(nicFact),
      /** Whether a guest agent starts with the guest: by its files, or laid into them; `later`: the guest installs it by itself, if it can. */
      agent: z.enum(['present', 'later', 'absent', 'unknown']).default('unknown'),
      /** Of the disks that were changed: the root over their leaves as they are now, of which so many were read. */
      roots: z.array(z.object({ index: z.number(), root: z.string(), leaves: z.number() })).default([]),
      seconds: z.number(),
    }),
  ),
  /** The workbench ends, its pod is seen gone, the volumes are re-bound into the target namespace. */
  handOver: step(
    'vm-builder',
    minutes(10),
    z.object({ ...base, target: targetVmSchema }),
    z.object({ pvcs: z.array(z.object({ index: z.number(), name: z.string() })), seconds: z.number() }),
  ),
  /** The VirtualMachine, Halted, and with it the signature of what proves its disks; `proof`: SHA-256 of the proof's text, hex. */
  create: step(
    'vm-builder',
    minutes(2),
    z.object({ ...base, target: targetVmSchema, proof: z.string().regex(/^[0-9a-f]{64}$/) }),
    z.object({ name: z.string(), uid: z.string(), proof: signatureSchema }),
  ),
  /** Live check at the source right before the start; error `source.contested` when it runs, or ran since `lastStart` (as findChanges told). */
  checkOff: step(
    'inventory',
    minutes(2),
    z.object({ ...source, lastStart: z.number().int().optional() }),
    z.object({ powerState: powerStateSchema, at: moment }),
  ),
  start: step(
    'vm-builder',
    minutes(2),
    /** `lastStart`: as of checkOff, which is done once more right before. */
    z.object({ ...base, provider: z.string(), target: targetVmSchema, lastStart: z.number().int().optional() }),
    z.object({ at: moment }),
  ),
  /** Of a sealed target: the guest agent answers behind closed links, then they are opened. */
  unseal: step(
    'vm-builder',
    minutes(60),
    z.object({ ...base, target: targetVmSchema, deadlineMs: z.number() }),
    z.object({ answered: moment, opened: moment, nics: z.array(z.string()) }),
  ),
  watchHealth: step(
    'vm-builder',
    minutes(60),
    z.object({
      ...base,
      target: targetVmSchema,
      agent: z.enum(['required', 'ifPresent', 'ignore']),
      deadlineMs: z.number(),
    }),
    z.object({ at: moment, proven: z.boolean(), node: z.string(), nics: z.array(nicFact) }),
  ),
  /** Removes everything of ours that the VM needs no more: scratch volume, Job, temporary objects. */
  settle: step(
    'vm-builder',
    minutes(10),
    z.object({ ...base, target: targetVmSchema }),
    z.object({ removed: z.array(z.string()) }),
  ),
  /**
   * Undo: removes workbench, volumes and the VirtualMachine. `ran`: one that has run is refused; or, once archived and off, removed too.
   * `copy`: `keep` leaves the volumes that were copied, and their ledgers, for a retry.
   */
  removeTarget: step(
    'vm-builder',
    minutes(10),
    z.object({
      ...base,
      target: targetVmSchema,
      ran: z.enum(['keep', 'remove']).default('keep'),
      copy: z.enum(['keep', 'remove']).default('remove'),
    }),
    /** `kept`: the copy could be kept. */
    z.object({ removed: z.array(z.string()), kept: z.boolean().default(false) }),
  ),
  /** Undo of a target that ran: it is stopped and kept, with its disks, until a person says otherwise. */
  stopTarget: step('vm-builder', minutes(10), z.object({ ...base, target: targetVmSchema }), z.object({ at: moment })),
  /** Undo: snapshots of ours are gone, change tracking is as it was. */
  tidySource: step(
    'inventory',
    minutes(24 * 60),
    z.object({ ...source, prefix: z.string(), tracking: z.enum(['keep', 'off']) }),
    z.object({ snapshots: z.array(z.string()), tracking: z.enum(['kept', 'off']) }),
  ),
  /** Undo: the source runs again; asked for only once the target is removed, or stopped, and refused with `target.runs` while one of its name runs. */
  powerOn: step(
    'inventory',
    minutes(15),
    /** `watchMs`: how long one that runs is watched: it was told to shut down, and may still do so. */
    z.object({
      ...source,
      target: z.object({ namespace: z.string(), name: z.string() }),
      watchMs: z.number(),
    }),
    z.object({ at: moment }),
  ),
} as const;

export type Steps = typeof steps;
export type StepName = keyof Steps;
export type StepInput<K extends StepName> = z.infer<Steps[K]['input']>;
export type StepResult<K extends StepName> = z.infer<Steps[K]['result']>;
export const stepNames = Object.keys(steps) as [StepName, ...StepName[]];

/** How far a step had brought a disk when it failed: bytes of it that are done. */
export const reachedSchema = z.object({ disk: z.number().int(), doneBytes: z.number() });
export type Reached = z.infer<typeof reachedSchema>;

/** The worker's answer to the planner: `cmd.planner.report.<migration>.<vm>`. */
export const reportSchema = z.object({
  migration: z.string(),
  vm: z.string(),
  step: z.enum(stepNames),
  attempt: z.number().int(),
  outcome: z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), result: z.unknown() }),
    z.object({ ok: z.literal(false), error: problemSchema, reached: z.array(reachedSchema).optional() }),
  ]),
});
export type Report = z.infer<typeof reportSchema>;

/** `<migration>/<vm>/<step>/<attempt>`: the deterministic id of a command. */
export const commandId = (migration: string, vm: string, stepName: string, attempt: number) =>
  `${migration}/${vm}/${stepName}/${attempt}`;

export const progressSchema = z.object({
  migration: z.string(),
  vm: z.string(),
  disk: z.number().int().describe('Its index; of a conversion, which tells no bytes, the first'),
  step: z.enum(['copy', 'prove', 'convert']),
  stage: z.string().optional().describe('What a conversion is at'),
  doneBytes: z.number().describe('Of the disk, its holes and what did not change included'),
  totalBytes: z.number(),
  bytesPerSecond: z.number().describe('Read for it, over the last 60 s'),
  etaSeconds: z.number().nullable().describe('Null while unknown'),
  basis: z.enum(['rate', 'forecast', 'unknown']).describe('What `etaSeconds` comes from'),
});
export type Progress = z.infer<typeof progressSchema>;

import { z } from 'zod';
import { forecastSchema } from './forecast.ts';
import { madeChangeSchema } from './inspection.ts';
import { problemSchema } from './problem.ts';
import { passHowSchema } from './steps.ts';

const moment = z.string();
const addressed = z.object({ name: z.string(), addresses: z.array(z.string()) });

/** What became of one VM, made of its events alone. Bytes, seconds, ISO times. */
export const vmReportSchema = z.object({
  migration: z.string(),
  plan: z.string(),
  vm: z.object({ id: z.string(), name: z.string() }),
  state: z.string(),
  type: z.enum(['cold', 'warm']),
  target: z.object({ namespace: z.string(), name: z.string() }),
  /** Each once it was reached: the source was told to stop, the target was well, the course was over. */
  times: z.object({
    queued: moment,
    began: moment.optional(),
    stopped: moment.optional(),
    well: moment.optional(),
    over: moment.optional(),
  }),
  disks: z.array(z.object({ index: z.number(), file: z.string(), sizeBytes: z.number(), storageClass: z.string() })),
  passes: z.array(
    z.object({
      pass: z.number(),
      started: moment,
      finished: moment.optional(),
      /** Of the copy. */
      seconds: z.number(),
      /** None: the VM was off. */
      snapshot: z.string().optional(),
      /** What the source said had changed; without it nothing was said. */
      changedBytes: z.number().optional(),
      readBytes: z.number(),
      writtenBytes: z.number(),
      /** Of its comparisons: what the target held already. */
      savedBytes: z.number(),
      /** Of each disk, in order. */
      how: z.array(passHowSchema),
    }),
  ),
  readBytes: z.number(),
  writtenBytes: z.number(),
  savedBytes: z.number(),
  /** Null where nothing that ran was stopped. */
  downtime: z
    .object({
      /** The last one before the cutover. */
      forecast: forecastSchema.nullable(),
      /** The parts that are over, and their sum. */
      real: forecastSchema.shape.parts.partial(),
      seconds: z.number(),
    })
    .nullable(),
  /** Null before the final pass is proven. */
  proof: z
    .object({
      at: moment,
      grade: z.enum(['standard', 'sha256', 'full']),
      /** Leaves that were read back, over all passes. */
      leaves: z.number(),
      disks: z.array(z.object({ index: z.number(), copied: z.string() })),
    })
    .nullable(),
  /** Null before the conversion. */
  guest: z
    .object({ os: z.string(), engine: z.string(), reason: z.string(), files: z.array(madeChangeSchema) })
    .nullable(),
  /** As the source's guest had them, and as the target's says that it has them; null: nobody said. */
  nics: z.array(z.object({ mac: z.string(), before: addressed, after: addressed.nullable() })),
  node: z.string().optional(),
  failures: z.array(z.object({ at: moment, step: z.string(), error: problemSchema, again: z.boolean() })),
  error: problemSchema.optional(),
});
export type VmReport = z.infer<typeof vmReportSchema>;

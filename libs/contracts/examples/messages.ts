import type { z } from 'zod';
import { envelope } from '../envelope.ts';
import { commandId } from '../steps.ts';
import { bucketKey, buckets, subjects } from '../subjects.ts';
import type { MessageName, Messages } from '../wire.ts';
import { at, disk, ids, ours, problem } from './parts.ts';
import { queryExamples } from './queries.ts';
import { stepExamples } from './steps.ts';

type Example<M> = { readonly subject: string } & {
  readonly [K in keyof M as K extends 'about' ? never : K]: M[K] extends z.ZodType ? z.input<M[K]> : never;
};

const { migration, vm } = ids;
const release = envelope({
  id: commandId(migration, vm, 'release', 1),
  source: 'tranship/planner',
  type: 'tranship.cmd.vm-builder.release',
  time: new Date(at),
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  data: stepExamples.release.input,
});

/** Each message with the subject (of `limit`: bucket and key) that it goes to; one without an example does not compile. */
export const messageExamples: { readonly [K in MessageName]: Example<Messages[K]> } = {
  envelope: { subject: subjects.command('vm-builder', 'release', migration, vm), data: release },
  report: {
    subject: subjects.command('planner', 'report', migration, vm),
    data: {
      ...{ ...ids, step: 'copy', attempt: 3 },
      outcome: { ok: false, error: problem, reached: [{ disk: 0, doneBytes: 734_003_200 }] },
    },
  },
  progress: {
    subject: subjects.progress(migration, vm, '0'),
    data: {
      ...{ ...ids, disk: 0, step: 'copy', doneBytes: 734_003_200, totalBytes: disk.sizeBytes },
      ...{ bytesPerSecond: 180_000_000, etaSeconds: 8, basis: 'rate' },
    },
  },
  answer: {
    subject: subjects.query('vm-builder', 'targetRuns'),
    data: { ok: true, data: queryExamples.targetRuns.result },
  },
  deadLetter: {
    subject: subjects.dead('vm-builder', 'release', migration, vm),
    data: { message: JSON.stringify(release), problem },
  },
  limit: { subject: `${buckets.limits} ${bucketKey(migration, vm)}`, data: { bytesPerSecond: 40_000_000 } },
  close: { subject: subjects.close('transfer', migration, vm), data: '', answer: `${ours.workbench}-x7k2p` },
};

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type StepResult, steps } from '@tranship/contracts';
import { type Probe, probeDisks } from '../adapters/disks.ts';
import { Journal } from '../adapters/journal.ts';
import { marks } from '../adapters/marks.ts';
import { carryOut, isIdle, makeReady, type Outcome, type Ready } from './direct.ts';
import { withOpener } from './engines.ts';
import type { Work } from './plan-guest.ts';

/** The roots of disks after their conversion, by where they were changed. */
export type RootsOf = (changed: ReturnType<Journal['changed']>) => Promise<StepResult<'convert'>['roots']>;

interface Job extends Omit<Work, 'scratch'> {
  /** Kept over restarts: the journal with its undo logs, the result, the marks of changed disks. */
  readonly scratchDir: string;
  /** A finished conversion of the same key answers with what it did. */
  readonly key: string;
  now(): number;
  warn(message: string): void;
  /** Hears what will be done, before it is; not what an earlier run has finished. */
  onReady?(probe: Probe, ready: Ready): void;
  /** Without it the converted disks have no roots. */
  readonly rootsOf?: RootsOf;
}

/**
 * Makes the guest fit KVM. However it ends, the disks are what they were, or wholly converted: a conversion that was cut
 * off is put back first, and one that was finished answers with what it did.
 */
export async function convertDisks(job: Job, none?: Outcome): Promise<StepResult<'convert'>> {
  const { scratchDir, key, now } = job;
  const began = now();
  const timed = (outcome: Outcome) => ({ ...outcome, seconds: (now() - began) / 1000 });
  const journal = new Journal(scratchDir, marks(scratchDir));
  const finished = journal.finished(key);
  if (journal.open) job.warn('a conversion was cut off: what it left is cleared away first');
  journal.rollBack();
  if (finished !== undefined) return steps.convert.result.parse(finished);
  if (none) return timed(none);
  const scratch = join(scratchDir, 'convert', 'work');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const work = { ...job, scratch };
    return await withOpener(probeDisks(job.images), work, async (open, probe) => {
      const ready = await makeReady(work, probe, open);
      if (!('edit' in ready)) return timed(ready);
      job.onReady?.(probe, ready);
      if (isIdle(ready)) return timed(ready.outcome);
      await carryOut(ready, journal, job.images);
      const roots = (await job.rootsOf?.(journal.changed())) ?? [];
      const result = timed({ ...ready.outcome, roots });
      journal.finish(key, result);
      return result;
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type StepInput, type StepResult, steps } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { Journal } from '../adapters/journal.ts';
import { marks } from '../adapters/marks.ts';
import type { Config } from '../config.ts';
import { carryOut, makeReady, type Outcome, untouched } from '../direct.ts';

export type Folders = Pick<Config, 'disksDir' | 'devicesDir' | 'scratchDir' | 'mediaDir'>;

/**
 * Makes the guest fit KVM. However it ends, the disks are what they were, or wholly converted: a conversion that was cut
 * off is put back first, and one that was finished answers with what it did.
 */
export async function convert(
  folders: Folders,
  input: StepInput<'convert'>,
  { clock, signal, log }: StepContext,
): Promise<StepResult<'convert'>> {
  const began = clock.now();
  const timed = (outcome: Outcome) => ({ ...outcome, seconds: (clock.now() - began) / 1000 });
  const key = `${input.migration}/${input.vm}`;
  const journal = new Journal(folders.scratchDir, marks(folders.scratchDir));
  const finished = journal.finished(key);
  if (journal.open) log.warn({}, 'a conversion was cut off: what it left is cleared away first');
  journal.rollBack();
  if (finished !== undefined) return steps.convert.result.parse(finished);
  if (input.mode === 'none') return timed(untouched('the plan says convert: none'));
  const scratch = join(folders.scratchDir, 'convert', 'work');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const ready = await makeReady({ folders, scratch, input, signal });
    if (!('edit' in ready)) return timed(ready);
    if (ready.edit.targets.length === 0) return timed(ready.outcome);
    await carryOut(ready, journal);
    const result = timed(ready.outcome);
    journal.finish(key, result);
    return result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

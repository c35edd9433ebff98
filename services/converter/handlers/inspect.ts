import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StepInput, StepResult } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { workOf } from '../acts/direct.ts';
import { inspectDisks } from '../acts/inspect.ts';
import { fitDiffs } from '../domain/changes.ts';
import { fitConcerns } from '../domain/part.ts';
import type { Folders } from './convert.ts';

/** Whether this guest will convert, and what that will do, while the source still runs: the disks are read only. */
export async function inspect(
  folders: Folders,
  input: StepInput<'inspect'>,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
): Promise<StepResult<'inspect'>> {
  const began = clock.now();
  const scratch = join(folders.scratchDir, 'inspect');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const { os, supported, engine, concerns, changes } = await inspectDisks({
      ...workOf(folders, input, signal),
      scratch,
    });
    return {
      ...{ os, supported, engine },
      concerns: fitConcerns(concerns),
      changes: fitDiffs(changes),
      seconds: (clock.now() - began) / 1000,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

import type { StepInput, StepResult } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { convertDisks } from '../acts/convert.ts';
import { untouched, workOf } from '../acts/direct.ts';
import { rootsOf } from '../adapters/roots.ts';
import type { Config } from '../config.ts';

export type Folders = Pick<Config, 'disksDir' | 'devicesDir' | 'scratchDir' | 'mediaDir'> &
  Partial<Pick<Config, 'applianceEngine' | 'luksKeysDir'>>;

const untold = { doneBytes: 0, totalBytes: 0, bytesPerSecond: 0, etaSeconds: null, basis: 'unknown' } as const;

/** Makes the guest fit KVM: see {@link convertDisks}. */
export const convert = (
  folders: Folders,
  input: StepInput<'convert'>,
  { clock, signal, log, progress }: StepContext,
): Promise<StepResult<'convert'>> =>
  convertDisks(
    {
      ...workOf(folders, input, signal),
      scratchDir: folders.scratchDir,
      key: `${input.migration}/${input.vm}`,
      now: () => clock.now(),
      tell: (stage) => progress({ ...untold, disk: input.disks[0]?.index ?? 0, step: 'convert', stage }),
      warn: (message) => log.warn({}, message),
      rootsOf: rootsOf(folders.scratchDir, input, (message) => log.warn({}, message)),
    },
    input.mode === 'none' ? untouched('the plan says convert: none') : undefined,
  );

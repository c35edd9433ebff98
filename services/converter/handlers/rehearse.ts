import type { Objects } from '@tranship/bus';
import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { rehearseCopy } from '../acts/rehearse.ts';
import type { Config } from '../config.ts';

/** Boots the copy in isolation: see {@link rehearseCopy}. Its evidence takes the place of that of an earlier one. */
export async function rehearse(
  config: Config,
  objects: Pick<Objects, 'put' | 'prune'>,
  input: StepInput<'rehearse'>,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
): Promise<StepResult<'rehearse'>> {
  const { rehearsalMemoryMB: memoryMB, rehearsalKvm: kvm } = config;
  if (memoryMB === undefined)
    throw new TranshipError('rehearsal.no-room', 'the workbench was made without memory for a guest');
  const job = { folders: config, input, memoryMB, kvm, clock, signal };
  const { rehearsal, boot, evidence } = await rehearseCopy(job);
  const owner = { migration: input.migration, vm: input.vm, evidence: true } as const;
  const console = await objects.put(evidence.console, owner);
  const screen = evidence.screen && (await objects.put(evidence.screen, owner));
  await objects.prune(owner, new Set([console, ...(screen === undefined ? [] : [screen])]));
  return { pass: input.pass, ...rehearsal, boot: { ...boot, console, ...(screen === undefined ? {} : { screen }) } };
}

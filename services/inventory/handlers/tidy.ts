import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import type { PointSource } from '../ports.ts';

type Find = (provider: string) => PointSource;

/** Our snapshot goes, and its files are merged before this returns. Gone already is fine. */
export async function removeSnapshot(
  find: Find,
  { provider, vm, name, graceMs = 0 }: StepInput<'removeSnapshot'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'removeSnapshot'>> {
  if (graceMs > 0) await clock.sleep(graceMs, signal);
  const began = clock.now();
  await removeAll(find(provider), vm, (each) => each === name, signal);
  return { seconds: (clock.now() - began) / 1000 };
}

/** The source is left as it was found: no snapshot of ours, change tracking as before. */
export async function tidySource(
  find: Find,
  { provider, vm, prefix, tracking }: StepInput<'tidySource'>,
  { signal, log }: StepContext,
): Promise<StepResult<'tidySource'>> {
  const source = find(provider);
  const snapshots = await removeAll(source, vm, (name) => name.startsWith(prefix), signal);
  if (tracking === 'keep' || !(await source.look(vm)).tracking) return { snapshots, tracking: 'kept' };
  try {
    await source.setTracking(vm, false);
    return { snapshots, tracking: 'off' };
  } catch (error) {
    const { code, detail } = TranshipError.from(error);
    if (code !== 'vsphere.fault') throw error;
    // It harms nobody, and the source must not stay off for it.
    log.warn({ vm, detail }, 'change tracking cannot be turned off again');
    return { snapshots, tracking: 'kept' };
  }
}

async function removeAll(
  source: PointSource,
  vm: string,
  wanted: (name: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  await source.idle(vm, signal);
  const { snapshots } = await source.look(vm);
  const removed = snapshots.filter(({ name }) => wanted(name));
  for (const { id } of removed) await source.removeSnapshot(id, signal);
  if ((await source.look(vm)).consolidationNeeded) await source.consolidate(vm, signal);
  return removed.map(({ name }) => name);
}

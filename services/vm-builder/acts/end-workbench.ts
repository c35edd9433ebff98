import { type StepInput, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { selector } from '../domain/names.ts';
import type { Target } from '../ports.ts';
import { none } from './rebind.ts';

type Bench = Pick<StepInput<'release'>, 'migration' | 'vm' | 'workbench'>;
const goneMs = 120_000;
const halves = ['transfer', 'converter'] as const;

/**
 * Nobody has the disks open afterwards: both halves of the workbench say so, or its pod was seen to end (ADR 11).
 * True when there was one.
 * @throws TranshipError `target.workbench-alive` when a pod outlives the deadline: nothing may be started then.
 */
export async function endWorkbench(
  { cluster, workbenches, config: { workNamespace } }: Target,
  { migration, vm, workbench }: Bench,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
): Promise<boolean> {
  // First of all: no other pod follows one that ends.
  const was = await cluster.remove('Job', workbench, workNamespace);
  const [pod, same] = await Promise.all(halves.map((half) => workbenches.close(half, migration, vm)));
  // Where that is refused, its end is waited for as well.
  if (pod !== undefined && pod === same) await cluster.removePod(pod, workNamespace).catch(() => {});
  const pods = { kind: 'Pod', namespace: workNamespace, labels: selector({ migration, vm }) } as const;
  if (await cluster.until(pods, none, { deadlineMs: goneMs, clock, signal })) return was;
  throw new TranshipError('target.workbench-alive', `the pod of ${workbench} is still there after ${goneMs / 1000} s`);
}

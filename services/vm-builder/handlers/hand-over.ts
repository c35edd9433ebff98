import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { selector } from '../domain/names.ts';
import type { Target } from '../ports.ts';
import { none, placesOf, rebind } from '../rebind.ts';

type Input = StepInput<'handOver'>;
const goneMs = 120_000;

/** The workbench ends, its pod is seen gone, and each volume changes its claim, from ours to the VM's. */
export async function handOver(target: Target, input: Input, context: StepContext): Promise<StepResult<'handOver'>> {
  const began = context.clock.now();
  await endWorkbench(target, input, context);
  const pvcs = await Promise.all(
    input.target.disks.map(async (disk) => {
      const { work, vm } = placesOf(target, input, disk);
      return { index: disk.index, name: await rebind(target, input, disk, [work, vm], context) };
    }),
  );
  return { pvcs, seconds: (context.clock.now() - began) / 1000 };
}

/** @throws TranshipError `target.workbench-alive` when a pod outlives the deadline: nothing may be started then. */
export async function endWorkbench(
  { cluster, config: { workNamespace } }: Target,
  { migration, vm, workbench }: Pick<Input, 'migration' | 'vm' | 'workbench'>,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
): Promise<boolean> {
  const was = await cluster.remove('Job', workbench, workNamespace);
  const pods = { kind: 'Pod', namespace: workNamespace, labels: selector({ migration, vm }) } as const;
  if (await cluster.until(pods, none, { deadlineMs: goneMs, clock, signal })) return was;
  throw new TranshipError('target.workbench-alive', `the pod of ${workbench} is still there after ${goneMs / 1000} s`);
}

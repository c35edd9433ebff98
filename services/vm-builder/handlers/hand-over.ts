import type { StepInput, StepResult } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { endWorkbench } from '../acts/end-workbench.ts';
import { placesOf, rebind } from '../acts/rebind.ts';
import type { Target } from '../ports.ts';

/** The workbench lets go of the disks and ends, and each volume changes its claim, from ours to the VM's. */
export async function handOver(
  target: Target,
  input: StepInput<'handOver'>,
  context: StepContext,
): Promise<StepResult<'handOver'>> {
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

import { type StepInput, TranshipError } from '@tranship/contracts';
import type { StepContext } from '@tranship/service-kit';
import { isMarked } from '../domain/names.ts';
import { removeAndWait } from '../handlers/remove.ts';
import type { Target } from '../ports.ts';
import { isSomewhere, placesOf, rebind } from './rebind.ts';
import { runs } from './runs.ts';

/** A target that ran and was given up: its VM goes, its volumes are the workbench's again. What is gone already is made anew. */
export async function bringBack(target: Target, input: StepInput<'prepare'>, context: StepContext): Promise<void> {
  const { cluster } = target;
  const { name, namespace, disks } = input.target;
  const machine = await cluster.get('VirtualMachine', name, namespace);
  // Whose it is now, somebody else decided: that the name is taken is told.
  if (machine && !isMarked(machine.metadata.labels, input)) return;
  if (await runs(cluster, input.target))
    throw new TranshipError('target.runs', `${namespace}/${name} was started again`);
  if (machine) await removeAndWait(cluster, 'VirtualMachine', name, namespace, context);
  await Promise.all(
    disks.map(async (disk) => {
      const { work, vm } = placesOf(target, input, disk);
      if (await isSomewhere(target, input, disk, vm)) await rebind(target, input, disk, [vm, work], context);
    }),
  );
}

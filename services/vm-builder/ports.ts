import type { CommandQueue, Objects, Workbenches } from '@tranship/bus';
import type { QueryInput } from '@tranship/contracts';
import type { Cluster } from '@tranship/kube';
import type { Config } from './config.ts';

/** What every handler works with. */
export interface Target {
  readonly cluster: Pick<
    Cluster,
    'get' | 'list' | 'apply' | 'merge' | 'remove' | 'removePod' | 'until' | 'stopVirtualMachine'
  >;
  /** What the workbenches are asked for. */
  readonly commands: Pick<CommandQueue, 'purge'>;
  /** Both halves of each are told to let go of the disks. */
  readonly workbenches: Pick<Workbenches, 'close'>;
  /** What is kept for a VM's sake beside the log. */
  readonly objects: Pick<Objects, 'prune'>;
  readonly config: Config;
  /** Asked now. @throws TranshipError `source.contested` when the source runs, or ran since `lastStart` */
  readonly sourceOff: (source: QueryInput<'sourceOff'>) => Promise<unknown>;
}

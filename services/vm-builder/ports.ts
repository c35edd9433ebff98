import type { CommandQueue, Objects } from '@tranship/bus';
import type { SourceVm } from '@tranship/contracts';
import type { Cluster } from '@tranship/kube';
import type { Config } from './config.ts';

/** What every handler works with. */
export interface Target {
  readonly cluster: Pick<Cluster, 'get' | 'list' | 'apply' | 'merge' | 'remove' | 'until' | 'stopVirtualMachine'>;
  /** What the workbenches are asked for. */
  readonly commands: Pick<CommandQueue, 'purge'>;
  /** What is kept for a VM's sake beside the log. */
  readonly objects: Pick<Objects, 'prune'>;
  readonly config: Config;
  /** Of the source VM, asked now. */
  readonly sourcePower: (provider: string, vm: string) => Promise<SourceVm['powerState']>;
}

import type { CommandQueue } from '@tranship/bus';
import type { Cluster } from '@tranship/kube';
import type { Config } from './config.ts';

/** What every handler works with. */
export interface Target {
  readonly cluster: Pick<Cluster, 'get' | 'list' | 'apply' | 'merge' | 'remove' | 'stopVirtualMachine'>;
  /** What the workbenches are asked for. */
  readonly commands: Pick<CommandQueue, 'purge'>;
  readonly config: Config;
}

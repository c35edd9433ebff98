import type { SourceVm } from '@tranship/contracts';

/** What the steps need of one vCenter. */
export interface Source {
  /** Read now, from vCenter itself. */
  power(vm: string): Promise<{ powerState: SourceVm['powerState']; toolsRunning: boolean }>;
  shutdownGuest(vm: string): Promise<void>;
  powerOff(vm: string): Promise<void>;
  powerOn(vm: string): Promise<void>;
}
